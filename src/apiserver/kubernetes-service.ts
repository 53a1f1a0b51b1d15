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
import { addIP, type CIDR, type IPFamily, printIP } from '../lib/ip.ts';
import type { Api } from './context.ts';
import { faultFields } from './outages.ts';
import { placeOf, type ServerPlace } from './peers/lease.ts';
import { change } from './storage/change.ts';
import { objectKey } from './storage/keys.ts';
import { completeChange, completeNew } from './verbs/complete.ts';
import { birthOf } from './verbs/create.ts';

const NAME = 'kubernetes';
const NAMESPACE = 'default';
const LABELS = { component: 'apiserver', provider: 'kubernetes' };
/** Tells the mirroring controller that there is a slice already. */
const SKIP_MIRROR_LABEL = 'endpointslice.kubernetes.io/skip-mirror';
/** https://kubernetes.io/docs/reference/labels-annotations-taints/#endpointslicekubernetesiomanaged-by */
const MANAGED_BY_LABEL = 'endpointslice.kubernetes.io/managed-by';
const MANAGER = 'apiserver.postern.dev';
/** As often as Kubernetes' own API servers look after it. */
const INTERVAL = seconds(10);

export interface KubernetesServiceOptions {
  /** The Service gets the first address of the first, and its family. */
  readonly serviceCIDRs: readonly CIDR[];
  /** Where the API listens, for when no server is known. */
  readonly port: number;
  /** Where nodes and guests reach each server, asked again each time; of each, one place of the Service's family is used. */
  readonly servers: () => readonly (readonly ServerPlace[])[];
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
      if (!signal.aborted) api.log.warn(faultFields(err), 'could not look after the Service default/kubernetes');
    });
  }
}

/** Makes what is missing, and puts right what somebody changed. */
export async function ensureKubernetesService(api: Api, options: KubernetesServiceOptions): Promise<void> {
  const { serviceCIDRs, port, servers } = options;
  const [cidr] = serviceCIDRs;
  if (cidr === undefined) return;
  const { family } = cidr.base;
  const groups = groupsOf(servers().flatMap((places) => placeOf(family, places) ?? []));
  const [first = { port, addresses: [] }, ...others] = groups;
  await ensure(api, Service, wantedService(cidr, first.port));
  await ensure(api, Endpoints, wantedEndpoints(groups));
  await ensure(api, EndpointSlice, wantedSlice(NAME, family, first));
  const more = others.map((group) => wantedSlice(`${NAME}-${group.port}`, family, group));
  for (const slice of more) await ensure(api, EndpointSlice, slice);
  await removeOthers(api, new Set([NAME, ...more.map(({ metadata }) => metadata.name ?? '')]));
}

/** Servers that listen at the same port. */
interface Group {
  readonly port: number;
  readonly addresses: readonly string[];
}

/** By port, lowest first; every server comes to the same, in whatever order it knows them. */
function groupsOf(places: readonly ServerPlace[]): readonly Group[] {
  const ports = [...new Set(places.map(({ port }) => port))].sort((a, b) => a - b);
  return ports.map((port) => {
    const here = places.filter((place) => place.port === port).map(({ address }) => address);
    return { port, addresses: [...new Set(here)].sort() };
  });
}

/** Deletes slices of ours for ports at which no server listens any more. */
async function removeOthers(api: Api, wanted: ReadonlySet<string>): Promise<void> {
  const { entries } = await api.store.list(objectKey(EndpointSlice, NAMESPACE, `${NAME}-`));
  for (const entry of entries) {
    const { metadata } = api.codec.decode(entry).object;
    const isOurs = metadata.labels?.[MANAGED_BY_LABEL] === MANAGER && /^kubernetes-\d+$/.test(metadata.name ?? '');
    if (!isOurs || wanted.has(metadata.name ?? '')) continue;
    // Where somebody changed it meanwhile, the next look sees to it.
    await api.store.txn([{ key: entry.key, modified: entry.modified }], [{ kind: 'delete', key: entry.key }]);
  }
}

/** Creates the object, or sets the fields that it names. Labels of others stay. */
async function ensure<T extends KubeObject>(api: Api, kind: AnyKind, wanted: T): Promise<void> {
  const { name = NAME } = wanted.metadata;
  await change(api, { kind, namespace: NAMESPACE, name, dryRun: false }, (current) => {
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

function wantedEndpoints(groups: readonly Group[]): Endpoints {
  return {
    apiVersion: Endpoints.apiVersion,
    kind: Endpoints.kind,
    metadata: { name: NAME, namespace: NAMESPACE, labels: { [SKIP_MIRROR_LABEL]: 'true' } },
    subsets: groups.map(({ port, addresses }) => ({
      addresses: addresses.map((ip) => ({ ip })),
      ports: [portOf(port)],
    })),
  };
}

/** One port to a slice: the slice of the lowest has the Service's name, as the only one nearly always. */
function wantedSlice(name: string, addressType: IPFamily, { port, addresses }: Group): EndpointSlice {
  const managed = name === NAME ? {} : { [MANAGED_BY_LABEL]: MANAGER };
  return {
    apiVersion: EndpointSlice.apiVersion,
    kind: EndpointSlice.kind,
    metadata: { name, namespace: NAMESPACE, labels: { [SERVICE_NAME_LABEL]: NAME, ...managed } },
    addressType,
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
    ports: [portOf(port)],
  };
}

function portOf(port: number) {
  return { name: 'https', port, protocol: 'TCP' as const };
}
