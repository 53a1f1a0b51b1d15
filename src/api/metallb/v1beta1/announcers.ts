/**
 * Who may announce the addresses of a pool by ARP and NDP, as the API's objects say it. Pure.
 * https://metallb.io/configuration/_advanced_l2_configuration/
 */
import type { Node } from '../../core/v1/node.ts';
import type { Service } from '../../core/v1/service.ts';
import type { EndpointSlice } from '../../discovery/v1/endpointslice.ts';
import { isTrue } from '../../meta/conditions.ts';
import type { LabelSelector } from '../../meta/v1.ts';
import { matchesLabels, type Selector, selectorOf } from '../../selectors.ts';
import { ApiError } from '../../status.ts';
import type { IPAddressPool } from './ipaddresspool.ts';
import type { L2Advertisement } from './l2advertisement.ts';

/** https://kubernetes.io/docs/reference/labels-annotations-taints/#node-kubernetes-io-exclude-from-external-load-balancers */
export const EXCLUDE_LABEL = 'node.kubernetes.io/exclude-from-external-load-balancers';
/** Set by the cluster autoscaler on a node that it is about to remove. */
const TO_BE_DELETED_TAINT = 'ToBeDeletedByClusterAutoscaler';

type Labels = Readonly<Record<string, string>> | undefined;

/** What keeps a node from announcing anything, whatever advertisements say. */
export type NodeObstacle = 'deleted' | 'excluded' | 'network-unavailable' | 'not-selected';

/**
 * Why a node may not announce, by what the API says of it; undefined: it may. Whether it lives is not asked here: its
 * announcer says so itself, faster than the node's Ready condition. `speakerNodes` is spec.nodeSelector of the MetalLB object.
 */
export function nodeObstacle({ metadata, status }: Node, speakerNodes: Labels): NodeObstacle | undefined {
  if (metadata.deletionTimestamp !== undefined) return 'deleted';
  if (metadata.labels?.[EXCLUDE_LABEL] !== undefined) return 'excluded';
  if (isTrue(status?.conditions, 'NetworkUnavailable')) return 'network-unavailable';
  const wanted = Object.entries(speakerNodes ?? {});
  return wanted.every(([key, value]) => metadata.labels?.[key] === value) ? undefined : 'not-selected';
}

/** Whether a node is being emptied (`kubectl drain`, the cluster autoscaler): others announce while there are any. */
export function isBeingDrained({ spec }: Node): boolean {
  return spec?.unschedulable === true || (spec?.taints ?? []).some(({ key }) => key === TO_BE_DELETED_TAINT);
}

/** An L2Advertisement with its selectors read, so that they can be asked often. */
export interface Advertisement {
  /** `namespace/name`. */
  readonly key: string;
  /** Where its nodes announce, sorted; undefined: on every interface that a node announces on. */
  readonly interfaces: readonly string[] | undefined;
  /** Whether it is about a pool. The two share a namespace, as in MetalLB. */
  isAbout(pool: IPAddressPool): boolean;
  isForService(labels: Labels): boolean;
  isForNode(labels: Labels): boolean;
  /** How much it prefers one of its nodes: the sum of the weights of what matches the node. */
  preference(labels: Labels): number;
}

/**
 * Reads an advertisement. One with a selector that makes no sense is answered with what is wrong: a server with nothing but
 * MetalLB's resource definitions may have it.
 */
export function readAdvertisement({ metadata, spec = {} }: L2Advertisement): Advertisement | string {
  const names = new Set(spec.ipAddressPools);
  try {
    const pools = selectorsOf(spec.ipAddressPoolSelectors);
    const nodes = selectorsOf(spec.nodeSelectors);
    const services = selectorsOf(spec.serviceSelectors);
    const preferred = (spec.preferredNodeSelectors ?? []).map(({ weight, preference }) => {
      return { weight, selector: selectorOf(preference) };
    });
    return {
      key: `${metadata.namespace}/${metadata.name}`,
      interfaces: spec.interfaces?.length ? spec.interfaces.toSorted() : undefined,
      isAbout: ({ metadata: { namespace, name = '', labels } }) =>
        namespace === metadata.namespace &&
        ((names.size === 0 && pools.length === 0) || names.has(name) || matchesSome(pools, labels)),
      isForService: (labels) => services.length === 0 || matchesSome(services, labels),
      isForNode: (labels) => nodes.length === 0 || matchesSome(nodes, labels),
      preference: (labels) =>
        preferred.reduce((sum, { weight, selector }) => (matchesLabels(selector, labels) ? sum + weight : sum), 0),
    };
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
}

function selectorsOf(selectors: readonly LabelSelector[] | undefined): readonly Selector[] {
  return (selectors ?? []).map(selectorOf);
}

function matchesSome(selectors: readonly Selector[], labels: Labels): boolean {
  return selectors.some((selector) => matchesLabels(selector, labels));
}

/** How well a Service is served: by an endpoint that is ready, only by ones that are ending (KEP-1669), or not at all. */
export type Serving = 'ready' | 'ending' | 'none';

/** Where the endpoints of a Service are that serve traffic of a family. */
export interface ServingEndpoints {
  /** The best of all. */
  readonly anywhere: Serving;
  /** The best of each node that has one. */
  readonly onNode: ReadonlyMap<string, Serving>;
}

/** The endpoints of a Service that serve a family. https://github.com/kubernetes/enhancements/issues/1669 */
export function servingEndpoints(
  slices: readonly EndpointSlice[],
  family: EndpointSlice['addressType'],
): ServingEndpoints {
  const onNode = new Map<string, Serving>();
  let anywhere: Serving = 'none';
  for (const { addressType, endpoints } of slices) {
    if (addressType !== family) continue;
    for (const { conditions, nodeName } of endpoints) {
      const serving = conditions?.ready === false ? (conditions.serving === true ? 'ending' : 'none') : 'ready';
      if (serving === 'none') continue;
      if (anywhere !== 'ready') anywhere = serving;
      if (nodeName !== undefined && onNode.get(nodeName) !== 'ready') onNode.set(nodeName, serving);
    }
  }
  return { anywhere, onNode };
}

/** How well a node that announces a Service serves it: with externalTrafficPolicy Local only its own endpoints count. */
export function servedBy(service: Service, { anywhere, onNode }: ServingEndpoints, node: string): Serving {
  return service.spec?.externalTrafficPolicy === 'Local' ? (onNode.get(node) ?? 'none') : anywhere;
}
