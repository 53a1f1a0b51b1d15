/** What a load balancer needs let through the cloud's own firewall, as plain data, and what comes of asking for it. */
import type { IPFamily } from '../../../../lib/ip.ts';
import type { LoadBalancerRequest } from '../request.ts';

/**
 * Whose rules are ours: those of the subnets of load balancers and of nodes in their security lists, those of the load
 * balancers' subnets for clients alone, those of a network security group made for the Service, or none.
 * https://github.com/oracle/oci-cloud-controller-manager/blob/master/docs/load-balancer-annotations.md
 */
export type SecurityMode = 'All' | 'Frontend' | 'None' | 'NSG';

/** Transport protocols that load balancers know. */
export type Transport = 'TCP' | 'UDP';

export interface ServiceName {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

export interface BalancedPort {
  readonly protocol: Transport;
  /** Where clients come. */
  readonly port: number;
  /** Where the load balancer goes, on each node. Undefined: it has no node port. */
  readonly nodePort: number | undefined;
}

export interface SecurityAsked {
  readonly service: ServiceName;
  readonly mode: SecurityMode;
  /** Those that the load balancer has addresses of. */
  readonly families: readonly IPFamily[];
  readonly ports: readonly BalancedPort[];
  /** Where nodes are asked over TCP whether they are well. */
  readonly healthCheckPort: number | undefined;
  /** Prefixes of clients, as the Service has them, of either family. None: anyone. */
  readonly sources: readonly string[];
  /** Nodes see the addresses of clients, as behind network load balancers. */
  readonly preservesSource: boolean;
  /** OCIDs of the load balancer's subnets. */
  readonly subnets: readonly string[];
  /** OCIDs of the network security groups that nodes are in; they count with the mode NSG. */
  readonly backendGroups: readonly string[];
}

/** What came of it. Whatever may pass by itself is thrown instead. */
export type SecurityEnsured =
  | {
      readonly kind: 'open';
      /** OCIDs of network security groups that the load balancer is to be in, besides those that the Service names. */
      readonly groups: readonly string[];
      /** What the administrator may want to know. */
      readonly warnings: readonly string[];
    }
  /** Some or all of it is still closed, until an administrator changes something. */
  | { readonly kind: 'refused'; readonly reason: SecurityProblem; readonly why: string };

/** Reasons, as conditions and Events have them. */
export type SecurityProblem = 'SecurityListFull' | 'SecurityListMissing' | 'SecurityGroupFull' | 'NodeNotFound';

/** Where else rules of a Service that goes may be, as far as it is known. */
export interface SecurityHints {
  /** OCIDs of subnets that its load balancer was in. */
  readonly subnets?: readonly string[];
  /** OCIDs of groups that it names for its nodes. */
  readonly backendGroups?: readonly string[];
}

/** @param subnets OCIDs of those that the load balancer is in, or will be. */
export function askedOf(request: LoadBalancerRequest, subnets: readonly string[]): SecurityAsked {
  const { namespace, service, uid, families, ports, health, preserveSource, security } = request;
  return {
    service: { namespace, name: service, uid },
    mode: security.mode,
    families,
    ports: ports.flatMap(({ transports, port, nodePort }) =>
      transports.map((protocol) => ({ protocol, port, nodePort })),
    ),
    healthCheckPort: health.port,
    sources: security.sources,
    preservesSource: preserveSource,
    subnets,
    backendGroups: security.backendNetworkSecurityGroups,
  };
}
