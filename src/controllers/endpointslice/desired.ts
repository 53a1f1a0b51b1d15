/** What the EndpointSlices of a Service should hold: pure. Follows Kubernetes' EndpointSlice controller. */

import { isPodFinal, isPodReady, podIPs } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service, ServicePort } from '../../api/core/v1/service.ts';
import {
  type Endpoint,
  type EndpointPort,
  MANAGED_BY_LABEL,
  SERVICE_NAME_LABEL,
} from '../../api/discovery/v1/endpointslice.ts';
import { familyOf, type IPFamily } from '../../lib/ip.ts';

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

/** What a Service's slices should say, before it is divided into slices. */
export interface DesiredSlices {
  readonly labels: Readonly<Record<string, string>>;
  /** At least one per family: one without endpoints tells that there are none. */
  readonly groups: readonly EndpointGroup[];
}

/** Whether this controller keeps slices for a Service; others bring their own endpoints, or are only a name. */
export function hasOwnSlices(service: Service): boolean {
  return service.spec?.type !== 'ExternalName' && Object.keys(service.spec?.selector ?? {}).length > 0;
}

/** The content of the slices of a Service, from the pods that its selector selects. */
export function desiredSlices(service: Service, pods: readonly Pod[]): DesiredSlices {
  return {
    labels: sliceLabels(service),
    groups: serviceFamilies(service).flatMap((family) => groupsOf(service, family, pods)),
  };
}

/** The families that a Service has addresses or, when it is headless, endpoints of. */
export function serviceFamilies(service: Service): readonly IPFamily[] {
  const { ipFamilies, clusterIPs = [], clusterIP } = service.spec ?? {};
  if (ipFamilies !== undefined && ipFamilies.length > 0) return ipFamilies;
  const families = [...clusterIPs, clusterIP ?? ''].map(familyOf).filter((family) => family !== undefined);
  return families.length > 0 ? [...new Set(families)] : ['IPv4'];
}

function isHeadless(service: Service): boolean {
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

function groupsOf(service: Service, family: IPFamily, pods: readonly Pod[]): EndpointGroup[] {
  const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
  for (const pod of pods) {
    // One that has ended will never serve again; one that is ending may still have to answer.
    const address = isPodFinal(pod) ? undefined : podAddress(pod, family);
    if (address === undefined) continue;
    const ports = resolvePorts(service, pod);
    const key = JSON.stringify(ports);
    const group = groups.get(key) ?? { ports, endpoints: [] };
    groups.set(key, group);
    group.endpoints.push(endpointOf(service, pod, address));
  }
  if (groups.size === 0) return [{ addressType: family, ports: [], endpoints: [] }];
  return [...groups.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ports, endpoints }]) => ({ addressType: family, ports, endpoints: endpoints.sort(byAddress) }));
}

function podAddress(pod: Pod, family: IPFamily): string | undefined {
  return podIPs(pod).find((ip) => familyOf(ip) === family);
}

function endpointOf(service: Service, pod: Pod, address: string): Endpoint {
  const { name = '', namespace = '', uid = '', deletionTimestamp } = pod.metadata;
  const serving = isPodReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const { hostname, subdomain, nodeName } = pod.spec ?? {};
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    // A name of its own under a headless Service: https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/
    ...(hostname && subdomain === service.metadata.name ? { hostname } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
  };
}

/** The Service's ports as this pod has them; a named port that the pod does not have is left out. */
function resolvePorts(service: Service, pod: Pod): readonly EndpointPort[] {
  return (service.spec?.ports ?? []).flatMap((port) => {
    const number = targetPort(port, pod);
    if (number === undefined) return [];
    const { name = '', protocol = 'TCP', appProtocol } = port;
    return [{ name, protocol, port: number, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetPort({ targetPort: target, port, protocol = 'TCP' }: ServicePort, pod: Pod): number | undefined {
  if (target === undefined || target === 0 || target === '') return port;
  if (typeof target === 'number') return target;
  for (const container of pod.spec?.containers ?? []) {
    for (const declared of container.ports ?? []) {
      if (declared.name === target && (declared.protocol ?? 'TCP') === protocol) return declared.containerPort;
    }
  }
  return undefined;
}

function byAddress(a: Endpoint, b: Endpoint): number {
  const left = a.addresses[0] ?? '';
  const right = b.addresses[0] ?? '';
  return left < right ? -1 : left > right ? 1 : 0;
}
