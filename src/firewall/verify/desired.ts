/** What one node tries of what another exposes, and why it does not try the rest. Pure. */
import { isLeftAlone } from '../../api/core/v1/service.forwarding.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { cidrContains, parseCIDR, parseIP } from '../../lib/ip.ts';
import type { Opening } from '../backend.ts';
import { exposureOf } from '../exposure/desired.ts';
import type { FirewallPolicy } from '../exposure/policy.ts';
import type { Peer } from './peers.ts';

/** `"false"`: nobody tries to connect to the ports of this Service. */
const VERIFY_ANNOTATION = 'postern.dev/firewall-verify';

/** A port of a node that is to be connected to, over TCP. */
export interface Try {
  readonly opening: Opening;
  /** The trier's own, of the same family. */
  readonly from: string;
  /** Some of those who answer there in the end: when these do not either, no firewall of the node's is to blame. Of sockets: none. */
  readonly endpoints: readonly Endpoint[];
  /** The trier's own proxy would translate it, and must not. */
  readonly pastProxy?: true;
}

export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Endpoints that are asked when a port does not answer: a few say as much as all. */
const ENDPOINTS = 3;

/** Whether trying was turned off for a Service. Whatever else stands there is no. */
function isOptedOut({ metadata }: Service): boolean {
  return metadata.annotations?.[VERIFY_ANNOTATION] === 'false';
}

export interface Trial {
  readonly service: Service;
  /** Of the Service. */
  readonly slices: readonly EndpointSlice[];
  readonly trier: Peer;
  readonly target: Peer;
  /** Whether the target answers for the load balancer addresses of the Service on the LAN. */
  readonly announces: boolean;
  /** Of Services that do not say. */
  readonly policy: FirewallPolicy;
}

/**
 * The ports of a Service that were opened for the trier too: at a node's own addresses, and at addresses of load balancers that it answers for. Only over TCP: of a datagram that nobody answers
 * nothing can be told. Only where somebody would answer: there are endpoints, on that node where none elsewhere count.
 */
export function serviceTries({ service, slices, trier, target, announces, policy }: Trial): readonly Try[] {
  if (isOptedOut(service) || isLeftAlone(service)) return [];
  const place = { addresses: target.addresses, labels: target.labels, policy, enforces: true };
  return exposureOf(service, place).openings.flatMap((opening) => {
    if (opening.kind === 'health-check') return tryOf(opening, trier, target, []);
    const isAnnounced = announces && opening.kind === 'load-balancer';
    if (opening.kind !== 'node-port' && !isAnnounced) return [];
    const endpoints = endpointsOf(service, slices, opening, target);
    if (endpoints.length === 0) return [];
    if (!isAnnounced) return tryOf(opening, trier, target, endpoints);
    const there = { ...target, addresses: [opening.address] };
    return tryOf(opening, trier, there, endpoints).map((one) => ({ ...one, pastProxy: true }) as const);
  });
}

/** What nodes open for each other, such as the API. */
export function clusterTries(openings: readonly Opening[], trier: Peer, target: Peer): readonly Try[] {
  return openings.flatMap((opening) => tryOf(opening, trier, target, []));
}

function tryOf(opening: Opening, trier: Peer, target: Peer, endpoints: readonly Endpoint[]): readonly Try[] {
  const { protocol, policy, address, family } = opening;
  if (protocol !== 'tcp' || policy !== 'managed' || !target.addresses.includes(address)) return [];
  const from = trier.addresses.find((one) => parseIP(one)?.family === family);
  if (from === undefined || !isAdmitted(from, opening)) return [];
  return [{ opening, from, endpoints: endpoints.slice(0, ENDPOINTS) }];
}

function isAdmitted(address: string, { sources }: Opening): boolean {
  const ip = parseIP(address);
  if (sources === undefined || ip === undefined) return sources === undefined;
  return sources.some((text) => {
    const cidr = parseCIDR(text);
    return cidr !== undefined && cidrContains(cidr, ip);
  });
}

/** Those that a connection to a node port may end at. */
function endpointsOf(
  service: Service,
  slices: readonly EndpointSlice[],
  opening: Opening,
  target: Peer,
): readonly Endpoint[] {
  const ports = (service.spec?.ports ?? []).filter(
    ({ port, nodePort, protocol = 'TCP' }) =>
      (opening.kind === 'node-port' ? nodePort : port) === opening.port && protocol === 'TCP',
  );
  const isLocal = service.spec?.externalTrafficPolicy === 'Local';
  return slices
    .filter(({ addressType }) => addressType === opening.family)
    .flatMap((slice) => {
      const numbers = (slice.ports ?? []).flatMap(({ name = '', protocol = 'TCP', port }) =>
        protocol === 'TCP' && port !== undefined && ports.some((one) => (one.name ?? '') === name) ? [port] : [],
      );
      return slice.endpoints
        .filter(({ conditions }) => conditions?.ready !== false)
        .filter(({ nodeName }) => !isLocal || nodeName === target.name)
        .flatMap(({ addresses: [address] }) =>
          address === undefined ? [] : numbers.map((port): Endpoint => ({ address, port })),
        );
    });
}
