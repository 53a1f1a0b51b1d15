/** What the EndpointSlices made from hand-made Endpoints should hold: pure. Follows Kubernetes' mirroring controller. */
import type { EndpointAddress, EndpointSubset, Endpoints } from '../../api/core/v1/endpoints.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { type Endpoint, MANAGED_BY_LABEL, SERVICE_NAME_LABEL } from '../../api/discovery/v1/endpointslice.ts';
import { familyOf, IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { DesiredSlices, EndpointGroup } from '../endpointslice/desired.ts';

/** Value of the managed-by label of the slices that this controller keeps. */
export const MANAGER = 'endpointslicemirroring-controller.k8s.io';
/** Endpoints with this label are not mirrored: whoever writes them brings slices too. */
const SKIP_MIRROR_LABEL = 'endpointslice.kubernetes.io/skip-mirror';
/** Endpoints with this annotation are a lock that candidates for leadership hold. */
const LEADER_ANNOTATION = 'control-plane.alpha.kubernetes.io/leader';
/** Endpoints that are mirrored of a subset and a family: as many as one slice may hold. */
export const MAX_ENDPOINTS_PER_SUBSET = 1000;

/** Annotations that speak of the Endpoints object itself. */
const OWN_ANNOTATIONS = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'endpoints.kubernetes.io/last-change-trigger-time',
];

/** Whether slices are made from these Endpoints: a Service of their name is there and selects no pods. */
export function isMirrored({ metadata }: Endpoints, service: Service | undefined): boolean {
  if (service === undefined || Object.keys(service.spec?.selector ?? {}).length > 0) return false;
  return metadata.labels?.[SKIP_MIRROR_LABEL] !== 'true' && metadata.annotations?.[LEADER_ANNOTATION] === undefined;
}

export function mirroredSlices({ metadata, subsets = [] }: Endpoints): DesiredSlices {
  const { name = '', uid = '', annotations = {} } = metadata;
  const kept = Object.entries(annotations).filter(([key]) => !OWN_ANNOTATIONS.includes(key));
  return {
    labels: { ...metadata.labels, [SERVICE_NAME_LABEL]: name, [MANAGED_BY_LABEL]: MANAGER },
    annotations: Object.fromEntries(kept),
    owner: { apiVersion: 'v1', kind: 'Endpoints', name, uid, controller: true, blockOwnerDeletion: true },
    groups: subsets.flatMap((subset) => IP_FAMILIES.flatMap((family) => groupOf(subset, family))),
  };
}

function groupOf(subset: EndpointSubset, family: IPFamily): EndpointGroup[] {
  const { addresses = [], notReadyAddresses = [], ports = [] } = subset;
  const endpoints = [
    ...addresses.map((address) => endpointOf(address, true)),
    ...notReadyAddresses.map((address) => endpointOf(address, false)),
  ].filter((endpoint) => familyOf(endpoint.addresses[0] ?? '') === family);
  if (endpoints.length === 0) return [];
  const named = ports.map(({ name = '', protocol = 'TCP', ...rest }) => ({ name, protocol, ...rest }));
  return [{ addressType: family, ports: named, endpoints: endpoints.slice(0, MAX_ENDPOINTS_PER_SUBSET) }];
}

function endpointOf({ ip, hostname, nodeName, targetRef }: EndpointAddress, ready: boolean): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(targetRef ? { targetRef } : {}),
    ...(nodeName ? { nodeName } : {}),
  };
}
