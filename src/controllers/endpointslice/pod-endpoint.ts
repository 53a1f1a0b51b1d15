/** A pod as an endpoint of a Service. Pure. */
import { isIP } from 'node:net';
import type { Node } from '../../api/core/v1/node.ts';
import { isPodReady, podIPs } from '../../api/core/v1/pod.status.ts';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { Endpoint } from '../../api/discovery/v1/endpointslice.ts';
import type { IPFamily } from '../../lib/ip.ts';

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone */
export const ZONE_LABEL = 'topology.kubernetes.io/zone';
/** Annotations that ask for hints by another rule than trafficDistribution; the older one counts first. */
const TOPOLOGY_ANNOTATIONS = ['service.kubernetes.io/topology-aware-hints', 'service.kubernetes.io/topology-mode'];

/** The pod's address of a family; undefined when it has none. */
export function podAddress(pod: Pod, family: IPFamily): string | undefined {
  const version = family === 'IPv4' ? 4 : 6;
  // Not by reading it: this is asked of every pod of a Service whenever one changes.
  return podIPs(pod).find((ip) => isIP(ip) === version);
}

/** The name that the pod has of its own under a headless Service; undefined when it has none there. */
export function podHostname(service: Service, pod: Pod): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  return hostname && subdomain === service.metadata.name ? hostname : undefined;
}

/**
 * The endpoint that a pod is. `node` is the pod's Node object, undefined when there is none.
 * https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions
 */
export function endpointOf(service: Service, pod: Pod, address: string, node: Node | undefined): Endpoint {
  const { name = '', namespace = '', uid = '', deletionTimestamp } = pod.metadata;
  const serving = isPodReady(pod);
  const terminating = deletionTimestamp !== undefined;
  const ready = service.spec?.publishNotReadyAddresses === true || (serving && !terminating);
  const hostname = podHostname(service, pod);
  const nodeName = pod.spec?.nodeName;
  const zone = node?.metadata.labels?.[ZONE_LABEL];
  const hints = hintsFor(service, nodeName, zone);
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname ? { hostname } : {}),
    targetRef: { kind: 'Pod', namespace, name, uid },
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...(hints ? { hints } : {}),
  };
}

/**
 * Where an endpoint is best used from. PreferSameNode names the zone too: it is the second choice.
 * https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-distribution
 */
function hintsFor({ metadata, spec }: Service, node: string | undefined, zone: string | undefined): Endpoint['hints'] {
  const { trafficDistribution } = spec ?? {};
  if (trafficDistribution === undefined || asksForTopology(metadata.annotations)) return undefined;
  const sameNode = trafficDistribution === 'PreferSameNode';
  const hints = {
    ...(zone ? { forZones: [{ name: zone }] } : {}),
    ...(sameNode && node ? { forNodes: [{ name: node }] } : {}),
  };
  return Object.keys(hints).length > 0 ? hints : undefined;
}

/** Whether hints are to follow the zones' CPU, which counts more than trafficDistribution. */
export function asksForTopology(annotations: Service['metadata']['annotations'] = {}): boolean {
  const mode = TOPOLOGY_ANNOTATIONS.map((name) => annotations[name]).find((value) => value !== undefined);
  return mode === 'Auto' || mode === 'auto';
}
