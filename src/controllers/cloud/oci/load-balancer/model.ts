/** A load balancer of either type as plain data: as it should be, as it is, and what leads from one to the other. */
import type { IPFamily } from '../../../../lib/ip.ts';
import type { LoadBalancerType, RequestedHealth, Shape, TlsOptions } from '../request.ts';

/** As network load balancers name it; load balancers have IPV4, or with IPV6 both. */
export type IpVersion = 'IPV4' | 'IPV6' | 'IPV4_AND_IPV6';

export interface Backend {
  /** Of a node, in canonical form; an OCID where OCI gives no address. */
  readonly address: string;
  readonly port: number;
}

/** By address and port, as texts. */
export function compareBackends(a: Backend, b: Backend): number {
  if (a.address !== b.address) return a.address < b.address ? -1 : 1;
  return a.port - b.port;
}

/** Of load balancers alone. */
export interface Tls extends TlsOptions {
  /** The name of a certificate; empty: one that OCI's certificate service keeps. */
  readonly certificate: string;
}

export interface BackendSet {
  readonly name: string;
  /** Of network load balancers alone. */
  readonly family?: IPFamily;
  readonly policy: string;
  /** Of network load balancers alone. */
  readonly preserveSource?: boolean;
  /** Undefined: nodes are asked in another way than by HTTP for 200. */
  readonly health: RequestedHealth | undefined;
  /** In the order of {@link compareBackends}. */
  readonly backends: readonly Backend[];
  /** With which nodes are spoken to. */
  readonly tls?: Tls;
}

export interface DesiredBackendSet extends BackendSet {
  readonly health: RequestedHealth;
}

export interface Listener {
  readonly name: string;
  readonly backendSet: string;
  /** Of network load balancers alone. */
  readonly family?: IPFamily;
  readonly protocol: string;
  readonly port: number;
  /** Seconds. */
  readonly idleTimeout?: number;
  /** Of a load balancer only together with an idle timeout. */
  readonly proxyProtocol?: 1 | 2 | false;
  readonly tls?: Tls;
}

export interface DesiredLoadBalancer {
  readonly type: LoadBalancerType;
  readonly name: string;
  readonly internal: boolean;
  readonly subnets: readonly string[];
  readonly ipVersion: IpVersion;
  /** OCIDs of network security groups, sorted. */
  readonly groups: readonly string[];
  /** Undefined: as it is, and the default when it is made. */
  readonly shape?: Shape;
  readonly reservedAddress?: string;
  readonly assignedAddresses: Readonly<Partial<Record<IPFamily, string>>>;
  readonly listeners: readonly Listener[];
  readonly backendSets: readonly DesiredBackendSet[];
  /** Names of ours. */
  readonly certificates: readonly string[];
  readonly tags: {
    readonly freeform: Readonly<Record<string, string>>;
    readonly defined: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
}

export type LifecycleState = 'CREATING' | 'UPDATING' | 'ACTIVE' | 'FAILED' | 'DELETING' | 'DELETED';

export interface BalancerAddress {
  /** In canonical form. */
  readonly address: string;
  readonly isPublic: boolean;
  readonly isReserved: boolean;
}

export interface ActualLoadBalancer
  extends Pick<
    DesiredLoadBalancer,
    'type' | 'name' | 'internal' | 'subnets' | 'groups' | 'listeners' | 'certificates'
  > {
  readonly id: string;
  readonly backendSets: readonly BackendSet[];
  readonly state: LifecycleState;
  readonly ipVersion: IpVersion;
  readonly shape?: Shape;
  readonly addresses: readonly BalancerAddress[];
  readonly freeformTags: Readonly<Record<string, string>>;
}

/** One change of a load balancer. OCI makes one at a time. */
export type Step =
  | { readonly kind: 'create-backend-set' | 'update-backend-set'; readonly backendSet: DesiredBackendSet }
  | { readonly kind: 'create-listener' | 'update-listener'; readonly listener: Listener }
  | { readonly kind: 'delete-backend-set' | 'delete-listener'; readonly name: string }
  | { readonly kind: 'create-certificate' | 'delete-certificate'; readonly name: string }
  | { readonly kind: 'update-shape'; readonly shape: Shape }
  | { readonly kind: 'update-groups'; readonly groups: readonly string[] }
  | { readonly kind: 'update-ip-version'; readonly ipVersion: IpVersion }
  /** All of them: those that somebody else has put there, too. */
  | { readonly kind: 'update-tags'; readonly freeform: Readonly<Record<string, string>> };
