/** What the EndpointSlices of a Service should hold: pure. Follows Kubernetes' EndpointSlice controller. */

import type { Node } from '../../api/core/v1/node.ts';
import { isPodFinal } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import {
  type Endpoint,
  type EndpointPort,
  MANAGED_BY_LABEL,
  SERVICE_NAME_LABEL,
} from '../../api/discovery/v1/endpointslice.ts';
import type { OwnerReference } from '../../api/meta/v1.ts';
import { familyOf, type IPFamily } from '../../lib/ip.ts';
import { asksForTopology, endpointOf, podAddress } from './pod-endpoint.ts';
import { hasFixedPorts, resolvePorts } from './pod-ports.ts';

/** Value of the managed-by label of the slices that this controller keeps. */
export const MANAGER = 'endpointslice-controller.k8s.io';
/** Label that the slices of headless Services carry, with an empty value. */
export const HEADLESS_LABEL = 'service.kubernetes.io/headless';

/** Endpoints of one family that share resolved ports; slices cannot mix either. */
export interface EndpointGroup {
  readonly addressType: IPFamily;
  readonly ports: readonly EndpointPort[];
  /** In the order of their addresses. */
  readonly endpoints: readonly Endpoint[];
}

/** What the slices of an owner should say, before it is divided into slices. */
export interface DesiredSlices {
  readonly labels: Readonly<Record<string, string>>;
  /** Undefined leaves annotations as they are. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** The object that the slices belong to: a Service, or Endpoints that are mirrored. */
  readonly owner: OwnerReference;
  readonly groups: readonly EndpointGroup[];
  /** When the change was set off that slices are written for now, in milliseconds; kept where annotations are left alone. */
  readonly triggerTime?: number;
  /** Endpoints keep the hints that they have: those are decided on for all slices together. */
  readonly keepHints?: boolean;
}

/** Whether this controller keeps slices for a Service; others bring their own endpoints, or are only a name. */
export function hasOwnSlices(service: Service): boolean {
  return service.spec?.type !== 'ExternalName' && Object.keys(service.spec?.selector ?? {}).length > 0;
}

/** The Node of a name; undefined when there is none. */
export type NodeOf = (name: string) => Node | undefined;

/**
 * The content of the slices of a Service, from the pods that its selector selects: at least one group per family, as one
 * without endpoints tells that there are none.
 */
export function desiredSlices(service: Service, pods: readonly Pod[], nodeOf: NodeOf): DesiredSlices {
  const { name = '', uid = '' } = service.metadata;
  return {
    labels: sliceLabels(service),
    owner: { apiVersion: 'v1', kind: 'Service', name, uid, controller: true, blockOwnerDeletion: true },
    groups: serviceFamilies(service).flatMap((family) => groupsOf(service, family, pods, nodeOf)),
    keepHints: asksForTopology(service.metadata.annotations),
  };
}

/** The families that a Service has addresses or, when it is headless, endpoints of. */
export function serviceFamilies(service: Service): readonly IPFamily[] {
  const { ipFamilies, clusterIPs = [], clusterIP } = service.spec ?? {};
  if (ipFamilies !== undefined && ipFamilies.length > 0) return ipFamilies;
  const families = [...clusterIPs, clusterIP ?? ''].map(familyOf).filter((family) => family !== undefined);
  return families.length > 0 ? [...new Set(families)] : ['IPv4'];
}

/** Whether a Service has no address of its own on purpose. */
export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

function sliceLabels(service: Service): Record<string, string> {
  const { [HEADLESS_LABEL]: _, ...labels } = service.metadata.labels ?? {};
  return {
    ...labels,
    [SERVICE_NAME_LABEL]: service.metadata.name ?? '',
    [MANAGED_BY_LABEL]: MANAGER,
    ...(isHeadless(service) ? { [HEADLESS_LABEL]: '' } : {}),
  };
}

function groupsOf(service: Service, family: IPFamily, pods: readonly Pod[], nodeOf: NodeOf): EndpointGroup[] {
  const groups = new Map<string, OpenGroup>();
  const fixed = hasFixedPorts(service);
  for (const pod of pods) {
    // One that is ending may still have to answer.
    const address = isPodFinal(pod) ? undefined : podAddress(pod, family);
    if (address === undefined) continue;
    const node = nodeOf(pod.spec?.nodeName ?? '');
    // A pod whose node is gone cannot be reached, whatever its status said last.
    if (node === undefined && service.spec?.publishNotReadyAddresses !== true) continue;
    const [first] = fixed ? groups.values() : [];
    const group = first ?? groupWith(groups, resolvePorts(service, pod));
    group.endpoints.push(endpointOf(service, pod, address, node));
  }
  if (groups.size === 0) return [{ addressType: family, ports: [], endpoints: [] }];
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ports, endpoints }]) => ({ addressType: family, ports, endpoints: endpoints.sort(byAddress) }));
}

interface OpenGroup {
  readonly ports: readonly EndpointPort[];
  readonly endpoints: Endpoint[];
}

function groupWith(groups: Map<string, OpenGroup>, ports: readonly EndpointPort[]): OpenGroup {
  const key = JSON.stringify(ports);
  const group = groups.get(key) ?? { ports, endpoints: [] };
  groups.set(key, group);
  return group;
}

function byAddress(a: Endpoint, b: Endpoint): number {
  const left = a.addresses[0] ?? '';
  const right = b.addresses[0] ?? '';
  return left < right ? -1 : left > right ? 1 : 0;
}
