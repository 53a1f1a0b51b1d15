/** What gives Services of type LoadBalancer their addresses from outside the cluster, and opens what is between the two. */
import type { Node } from '../../api/core/v1/node.ts';
import type { LoadBalancerIngress, Protocol, Service } from '../../api/core/v1/service.ts';
import type { IPFamily } from '../../lib/ip.ts';

/** What came of an attempt, told of the Service. */
export type Ensured =
  | { readonly kind: 'ready'; readonly ingress: readonly LoadBalancerIngress[]; readonly warnings?: readonly string[] }
  /** It is under way at the provider: ask again after so many milliseconds. */
  | { readonly kind: 'waiting'; readonly why: string; readonly after: number }
  /** It cannot be, until the Service or the provider's configuration changes. `reason` is one of a condition, in CamelCase. */
  | { readonly kind: 'refused'; readonly reason: string; readonly why: string };

/** What a provider knows of a node. */
export interface NodeFacts {
  /** As Node.spec.providerID has it. */
  readonly providerID: string;
  readonly addresses: readonly { readonly type: 'InternalIP' | 'ExternalIP' | 'Hostname'; readonly address: string }[];
  /** Topology and instance type, by their well-known label names. https://kubernetes.io/docs/reference/labels-annotations-taints/ */
  readonly labels: Readonly<Record<string, string>>;
}

/** One node port that is to be let through a cloud's own firewall. */
export interface NodePortRule {
  /** `namespace/name` of the Service. */
  readonly owner: string;
  readonly family: IPFamily;
  readonly protocol: Protocol;
  readonly port: number;
  /** Prefixes of those who may come. */
  readonly sources: readonly string[];
}

/**
 * Every method can be called again with the same arguments at any time, also after a crash in the middle of it: it finds what is
 * there, and does what is missing. Methods throw what may pass by itself; they are then called again, ever more seldom, and not
 * before the milliseconds in the error's `retryAfter`, where it has one.
 */
export interface LoadBalancerProvider {
  /** As the configuration names it: `layer2`, `oci`. */
  readonly name: string;
  /** Whether this provider serves a Service of type LoadBalancer, by its class. */
  takes(service: Service): boolean;
  /** Those of the nodes that are to be its backends; left out: all. Pure: asked of every Service whenever nodes change. */
  backends?(service: Service, nodes: readonly Node[]): readonly Node[];
  /** Makes a load balancer be as the Service says, or brings it nearer to that. `nodes` are those that may be backends. */
  ensure(service: Service, nodes: readonly Node[]): Promise<Ensured>;
  /** Removes everything that was made for the Service; resolves with whether nothing is left. */
  remove(service: Service): Promise<'removed' | { readonly after: number }>;
  /** Lets exactly these node ports through, to these nodes, of those who asked for node ports alone. */
  ensureNodePorts?(rules: readonly NodePortRule[], nodes: readonly Node[]): Promise<readonly NodePortProblem[]>;
  /** Undefined: the provider does not know the node. */
  node?(node: Node): Promise<NodeFacts | undefined>;
}

/** A node port that could not be let through, for people. */
export interface NodePortProblem {
  readonly owner: string;
  readonly reason: string;
  readonly why: string;
}
