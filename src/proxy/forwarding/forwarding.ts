/**
 * What the proxy forwards, as data: the vocabulary between `desired.ts`, which reads Services, and modes, which write
 * rules. Addresses are canonical text (RFC 5952), so equal addresses are equal texts.
 */
import type { IPFamily } from '../../lib/ip.ts';
import type { TableFamily, TransportProtocol } from '../../netfilter/model.ts';

/** One place that connections go to. */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
  /** Runs on this node. */
  readonly local: boolean;
}

/**
 * Who a frontend is for. `anyone` is the default; a frontend for `insiders` takes precedence for this node's own
 * pods and the node itself: with the traffic policy Local, they still reach endpoints elsewhere.
 */
export type Audience = 'anyone' | 'insiders';

/** Where connections come in: an address and port of the Service's own, or a port of every node. */
export type Entrance = { readonly kind: 'address'; readonly ip: string } | { readonly kind: 'node-port' };

/**
 * Whose source address is replaced by the node's, so that replies come back through this node:
 * - `outsiders`: everyone but the cluster's pods, who are reached by routes. For cluster IPs.
 * - `strangers`: everyone but this node's pods, whose replies pass this node anyway. For what is reached from outside.
 * - `node`: only the node itself, so that guests see the client's address. For traffic policy Local.
 */
export type Masquerade = 'outsiders' | 'strangers' | 'node';

/** A virtual address and port, or node port, and where its connections go. */
export interface Frontend {
  readonly family: IPFamily;
  readonly audience: Audience;
  readonly entrance: Entrance;
  readonly protocol: TransportProtocol;
  readonly port: number;
  /** In slot order: endpoint k is drawn with the number k. Never the same one twice. */
  readonly endpoints: readonly Endpoint[];
  /** Endpoints that still serve what they have while they end: UDP flows to them go on. Absent: none, or not UDP. */
  readonly draining?: readonly Endpoint[];
  readonly masquerade: Masquerade;
  /**
   * Prefixes whose clients may connect, none within another; others are dropped, whoever they are. Absent: everyone may.
   * Only for addresses.
   */
  readonly sources?: readonly string[];
  /** What happens to connections while there is no endpoint. */
  readonly unavailable: 'refuse' | 'discard';
  /** Session affinity: seconds for which a client is led to where it was led last. Absent: each connection is drawn. */
  readonly affinity?: number;
}

/** What answers a load balancer that asks this node whether it has endpoints. */
export interface HealthCheck {
  readonly port: number;
  /** Ready endpoints on this node, for each family of the Service: a load balancer asks by the family that it forwards. */
  readonly localEndpoints: Readonly<Partial<Record<IPFamily, number>>>;
}

/** All that is forwarded for one Service. */
export interface Forwarding {
  /** Frontends by {@link frontendKey}. */
  readonly frontends: ReadonlyMap<string, Frontend>;
  /** Addresses that belong to the Service alone: their other ports are refused. */
  readonly virtualAddresses: readonly string[];
  /** Who keeps an address and port that two Services claim: the lower, so the older Service. */
  readonly rank: string;
  /** Absent: the Service has no health check port. */
  readonly healthCheck?: HealthCheck;
  /** Endpoints that are left out, of the port that has the most: more than can be drawn from. Absent: none. */
  readonly omitted?: number;
}

/** What two Services cannot both have. */
export function frontendKey(frontend: Omit<Frontend, 'endpoints' | 'masquerade' | 'sources' | 'unavailable'>): string {
  const { family, audience, entrance, protocol, port } = frontend;
  return `${family} ${audience} ${entrance.kind === 'address' ? entrance.ip : 'node-port'} ${protocol} ${port}`;
}

export function endpointKey(endpoint: Pick<Endpoint, 'ip' | 'port'>): string {
  return `${endpoint.ip} ${endpoint.port}`;
}

/** The table family that serves an address family. */
export function tableFamily(family: IPFamily): TableFamily {
  return family === 'IPv4' ? 'ip' : 'ip6';
}
