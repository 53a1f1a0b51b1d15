/**
 * Which endpoints of a Service port take connections.
 * https://kubernetes.io/docs/concepts/services-networking/endpoint-slices/#conditions and, for endpoints that end,
 * https://kubernetes.io/docs/reference/networking/virtual-ips/#traffic-to-terminating-endpoints
 */

import { isPort, MAX_ENDPOINTS } from '../../api/core/v1/service.forwarding.ts';
import type { Protocol } from '../../api/core/v1/service.ts';
import type { EndpointSlice, Endpoint as SliceEndpoint } from '../../api/discovery/v1/endpointslice.ts';
import { type IPAddress, type IPFamily, parseIP, printIP } from '../../lib/ip.ts';
import { canBeEndpoint } from '../../lib/special-addresses.ts';
import { type Endpoint, endpointKey } from './forwarding.ts';
import { type Hints, hintsOf, meantFor, type ThisNode } from './topology.ts';

/** The port that endpoints are asked for: slices carry the Service port's name and protocol. */
export interface PortName {
  readonly name: string;
  readonly protocol: Protocol;
}

type Condition = 'ready' | 'draining';
type Found = Readonly<Record<Condition, Map<string, Candidate>>>;

interface Candidate extends Hints {
  readonly key: string;
  readonly endpoint: Endpoint;
}

/** The endpoints of a Service port that take new connections: all of them, and those on this node. */
export interface UsableEndpoints {
  readonly all: readonly Endpoint[];
  readonly local: readonly Endpoint[];
  /** Those that serve what they have while they end, whether they take new connections or not. */
  readonly draining: readonly Endpoint[];
  /** How many would take new connections too, but are more than can be drawn from. */
  readonly omitted: number;
}

/**
 * Ready endpoints, those meant for this node first, or, when none is ready, those that still serve while they end; the
 * same again, whoever they are meant for, among those of this node. Sorted; no endpoint twice.
 */
export function usableEndpoints(
  slices: readonly EndpointSlice[],
  port: PortName,
  options: { readonly family: IPFamily; readonly node: ThisNode },
): UsableEndpoints {
  const found: Found = { ready: new Map(), draining: new Map() };
  for (const slice of slices) {
    if (slice.addressType !== options.family) continue;
    const number = portNumber(slice, port);
    if (number === undefined) continue;
    for (const candidate of slice.endpoints ?? []) {
      const condition = conditionOf(candidate);
      const ip = forwardable(candidate.addresses[0], options.family);
      if (condition === undefined || ip === undefined) continue;
      const endpoint: Endpoint = { ip: printIP(ip), port: number, local: candidate.nodeName === options.node.name };
      const key = endpointKey(endpoint);
      // While an endpoint moves from one slice to another, both may have it, and one of them may be behind.
      if (found[condition].get(key)?.endpoint.local) continue;
      found[condition].set(key, { ...hintsOf(candidate), key, endpoint });
    }
  }
  for (const key of found.ready.keys()) found.draining.delete(key);
  const [ready, draining] = [[...found.ready.values()], [...found.draining.values()]];
  const isLocal = ({ endpoint }: Candidate) => endpoint.local;
  const all = ready.length > 0 ? meantFor(ready, options.node) : draining;
  return {
    omitted: Math.max(0, all.length - MAX_ENDPOINTS),
    all: listed(all),
    local: listed(ready.some(isLocal) ? ready.filter(isLocal) : draining.filter(isLocal)),
    draining: listed(draining),
  };
}

function listed(candidates: readonly Candidate[]): readonly Endpoint[] {
  return candidates
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .slice(0, MAX_ENDPOINTS)
    .map(({ endpoint }) => endpoint);
}

function portNumber(slice: EndpointSlice, wanted: PortName): number | undefined {
  const port = slice.ports?.find(
    ({ name = '', protocol = 'TCP' }) => name === wanted.name && protocol === wanted.protocol,
  );
  return isPort(port?.port) ? port.port : undefined;
}

/** Undefined for an endpoint that takes no new connections. */
function conditionOf({ conditions = {} }: SliceEndpoint): Condition | undefined {
  const ready = conditions.ready ?? true;
  if (ready) return 'ready';
  return (conditions.serving ?? ready) && conditions.terminating ? 'draining' : undefined;
}

function forwardable(text: string | undefined, family: IPFamily): IPAddress | undefined {
  const ip = text === undefined ? undefined : parseIP(text);
  return ip !== undefined && ip.family === family && canBeEndpoint(ip) ? ip : undefined;
}
