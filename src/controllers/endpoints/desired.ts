/** What the Endpoints object of a Service should hold: pure. Follows Kubernetes' Endpoints controller. */
import { canonicalSubsets } from '../../api/core/v1/endpoints.subsets.ts';
import type { EndpointAddress, EndpointSubset, EndpointsPort } from '../../api/core/v1/endpoints.ts';
import { isPodFinal, isPodReady } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { HEADLESS_LABEL, isHeadless, serviceFamilies } from '../endpointslice/desired.ts';
import { podAddress, podHostname } from '../endpointslice/pod-endpoint.ts';
import { hasFixedPorts, resolvePorts } from '../endpointslice/pod-ports.ts';
import { truncate } from './truncate.ts';

/** Label of the Endpoints that this controller keeps, and its value. */
export const MANAGED_BY_LABEL = 'endpoints.kubernetes.io/managed-by';
export const MANAGER = 'endpoint-controller';
/** Annotation of Endpoints that lack some of the endpoints. https://kubernetes.io/docs/concepts/services-networking/service/#over-capacity-endpoints */
export const OVER_CAPACITY_ANNOTATION = 'endpoints.kubernetes.io/over-capacity';

/** Addresses in one object; EndpointSlices have all of them. */
export const CAPACITY = 1000;

export interface DesiredEndpoints {
  readonly labels: Readonly<Record<string, string>>;
  /** In canonical form. */
  readonly subsets: readonly EndpointSubset[];
  readonly overCapacity: boolean;
}

/** The content of a Service's Endpoints, from the pods that it selects: addresses of its first family. */
export function desiredEndpoints(service: Service, pods: readonly Pod[]): DesiredEndpoints {
  const [family = 'IPv4'] = serviceFamilies(service);
  const all = canonicalSubsets(subsetsOf(service, pods, family));
  const subsets = truncate(all, CAPACITY);
  return { labels: labelsOf(service), subsets, overCapacity: subsets !== all };
}

function labelsOf(service: Service): Record<string, string> {
  const { [HEADLESS_LABEL]: _, ...labels } = service.metadata.labels ?? {};
  return { ...labels, [MANAGED_BY_LABEL]: MANAGER, ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}) };
}

/** One subset for each set of ports that pods have; a headless Service may have no ports at all. */
function subsetsOf(service: Service, pods: readonly Pod[], family: IPFamily): readonly EndpointSubset[] {
  if ((service.spec?.ports ?? []).length === 0 && !isHeadless(service)) return [];
  const groups = new Map<string, OpenSubset>();
  const fixed = hasFixedPorts(service);
  for (const pod of pods) {
    const address = isShown(service, pod) ? addressOf(service, pod, family) : undefined;
    if (address === undefined) continue;
    const [first] = fixed ? groups.values() : [];
    const group = first ?? groupWith(groups, portsOf(service, pod));
    const isReady = service.spec?.publishNotReadyAddresses === true || isPodReady(pod);
    (isReady ? group.addresses : group.notReadyAddresses).push(address);
  }
  // A pod that has none of the ports is no endpoint.
  return [...groups.values()].filter(({ ports }) => ports.length > 0 || (service.spec?.ports ?? []).length === 0);
}

interface OpenSubset {
  readonly ports: readonly EndpointsPort[];
  readonly addresses: EndpointAddress[];
  readonly notReadyAddresses: EndpointAddress[];
}

function groupWith(groups: Map<string, OpenSubset>, ports: readonly EndpointsPort[]): OpenSubset {
  const key = JSON.stringify(ports);
  const group = groups.get(key) ?? { ports, addresses: [], notReadyAddresses: [] };
  groups.set(key, group);
  return group;
}

function portsOf(service: Service, pod: Pod): readonly EndpointsPort[] {
  return resolvePorts(service, pod).map(({ name, port = 0, protocol = 'TCP', appProtocol }) => {
    return { ...(name ? { name } : {}), port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) };
  });
}

/** Endpoints cannot say that one is ending, so such a pod is left out. */
function isShown(service: Service, pod: Pod): boolean {
  if (isPodFinal(pod)) return false;
  return pod.metadata.deletionTimestamp === undefined || service.spec?.publishNotReadyAddresses === true;
}

function addressOf(service: Service, pod: Pod, family: IPFamily): EndpointAddress | undefined {
  const ip = podAddress(pod, family);
  if (ip === undefined) return undefined;
  const { name = '', namespace = '', uid = '' } = pod.metadata;
  const nodeName = pod.spec?.nodeName;
  const hostname = podHostname(service, pod);
  return {
    ip,
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
  };
}
