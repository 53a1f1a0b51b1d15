/**
 * The Service `default/kubernetes`, by which guests and pods find the API, and its endpoints. The server keeps them
 * itself, as a controller would need the API to reach the API.
 */
import { Endpoints } from '../api/core/v1/endpoints.ts';
import { Service } from '../api/core/v1/service.ts';
import { EndpointSlice, SERVICE_NAME_LABEL } from '../api/discovery/v1/endpointslice.ts';
import type { AnyKind } from '../api/kinds.ts';
import type { KubeObject } from '../api/meta/v1.ts';
import { sameValue } from '../api/value.ts';
import { seconds } from '../lib/duration.ts';
import { addIP, type CIDR, familyOf, printIP } from '../lib/ip.ts';
import type { Api } from './context.ts';
import { change } from './storage/change.ts';
import { completeChange, completeNew } from './verbs/complete.ts';
import { birthOf } from './verbs/create.ts';

const NAME = 'kubernetes';
const NAMESPACE = 'default';
const LABELS = { component: 'apiserver', provider: 'kubernetes' };
/** Tells the mirroring controller that there is a slice already. */
const SKIP_MIRROR_LABEL = 'endpointslice.kubernetes.io/skip-mirror';
/** As often as Kubernetes' own API servers look after it. */
const INTERVAL = seconds(10);

export interface KubernetesServiceOptions {
  /** The Service gets the first address of the first, and its family. */
  readonly serviceCIDRs: readonly CIDR[];
  /** Where the API listens. */
  readonly port: number;
  /** Addresses at which nodes and guests reach the API, asked again each time; one of the Service's family is used. */
  readonly advertise: () => readonly string[];
}

/** Looks after the Service and its endpoints until the signal is aborted. What fails is logged and tried again. */
export async function keepKubernetesService(
  api: Api,
  options: KubernetesServiceOptions,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    try {
      await api.clock.sleep(INTERVAL, signal);
    } catch (error) {
      if (signal.aborted) return;
      throw error;
    }
    await ensureKubernetesService(api, options).catch((err: unknown) => {
      if (!signal.aborted) api.log.warn({ err }, 'could not look after the Service default/kubernetes');
    });
  }
}

/** Makes what is missing, and puts right what somebody changed. */
export async function ensureKubernetesService(api: Api, options: KubernetesServiceOptions): Promise<void> {
  const { serviceCIDRs, port, advertise } = options;
  const [cidr] = serviceCIDRs;
  if (cidr === undefined) return;
  const { family } = cidr.base;
  const addresses = advertise()
    .filter((address) => familyOf(address) === family)
    .slice(0, 1);
  await ensure(api, Service, wantedService(cidr, port));
  await ensure(api, Endpoints, wantedEndpoints(addresses, port));
  await ensure(api, EndpointSlice, wantedSlice(family, addresses, port));
}

/** Creates the object, or sets the fields that it names. Labels of others stay. */
async function ensure<T extends KubeObject>(api: Api, kind: AnyKind, wanted: T): Promise<void> {
  await change(api, { kind, namespace: NAMESPACE, name: NAME, dryRun: false }, (current) => {
    if (current === undefined) return { act: 'put', object: completeNew(kind, wanted, birthOf(api)) };
    const old = current.object as T;
    const next = completeChange(kind, merged(old, wanted), old, 'object');
    return sameValue(next, old) ? { act: 'keep' } : { act: 'put', object: next };
  });
}

/** `old` with the fields of `wanted`, one level into `spec`. An address that it has stays, as it cannot change. */
function merged<T extends KubeObject>(old: T, wanted: T): T {
  const [before, after] = [old, wanted].map((object) => (object as { spec?: Service['spec'] }).spec);
  const kept = before?.clusterIP === undefined ? {} : { clusterIP: before.clusterIP };
  return {
    ...old,
    ...wanted,
    metadata: { ...old.metadata, labels: { ...old.metadata.labels, ...wanted.metadata.labels } },
    ...(after === undefined ? {} : { spec: { ...before, ...after, ...kept } }),
  };
}

function wantedService(cidr: CIDR, port: number): Service {
  return {
    apiVersion: Service.apiVersion,
    kind: Service.kind,
    metadata: { name: NAME, namespace: NAMESPACE, labels: LABELS },
    spec: {
      type: 'ClusterIP',
      clusterIP: printIP(addIP(cidr.base, 1)),
      sessionAffinity: 'None',
      ports: [{ name: 'https', protocol: 'TCP', port: 443, targetPort: port }],
    },
  };
}

function wantedEndpoints(addresses: readonly string[], port: number): Endpoints {
  const subset = { addresses: addresses.map((ip) => ({ ip })), ports: [portOf(port)] };
  return {
    apiVersion: Endpoints.apiVersion,
    kind: Endpoints.kind,
    metadata: { name: NAME, namespace: NAMESPACE, labels: { [SKIP_MIRROR_LABEL]: 'true' } },
    subsets: addresses.length > 0 ? [subset] : [],
  };
}

function wantedSlice(addressType: 'IPv4' | 'IPv6', addresses: readonly string[], port: number): EndpointSlice {
  return {
    apiVersion: EndpointSlice.apiVersion,
    kind: EndpointSlice.kind,
    metadata: { name: NAME, namespace: NAMESPACE, labels: { [SERVICE_NAME_LABEL]: NAME } },
    addressType,
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [portOf(port)],
  };
}

function portOf(port: number) {
  return { name: 'https', port, protocol: 'TCP' as const };
}
