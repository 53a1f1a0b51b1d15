/**
 * Session affinity: a client is led to the endpoint that it was led to last, for as long as that is one of the
 * frontend's and the client comes back in time.
 * https://kubernetes.io/docs/reference/networking/virtual-ips/#session-affinity
 *
 * What is remembered of a client is the number of an endpoint, not its address: a number is only good while the frontend
 * has that endpoint, so that an endpoint's removal takes every memory of it along, in the same transaction.
 */
import type { Atom, Chain, Concatenation, NamedSet, Placed, TransportProtocol } from '../../netfilter/model.ts';
import type { Frontend } from '../forwarding/forwarding.ts';
import { numberEndpoints } from './endpoint-numbers.ts';
import { frontendAddress, frontendMap, type LookUp, type Scope, scopeOf } from './scopes.ts';
import { DROP, dport, l4proto, requested, rule, saddr } from './words.ts';

/** Map from a client and what it asked for to the number of the endpoint that it was led to. */
const AFFINITY = 'affinity';

/**
 * How many are remembered at once, per family; an element takes the kernel about 100 bytes. Beyond it, clients are led
 * anywhere until others have been forgotten.
 */
const MAX_AFFINITIES = 262_144;

/** Map from a frontend and a slot to the number of the endpoint there. */
const numberMap = (scope: Scope): string => `${frontendMap(scope)}-sticky-number`;

/** Map from a frontend and an endpoint's number to the endpoint. */
const endpointMap = (scope: Scope): string => `${frontendMap(scope)}-sticky-endpoint`;

/**
 * Two hashes instead of addresses and ports: nft 1.0.6 has no room for an IPv6 client and what it asked for in the
 * statement that adds an element. Two clients that share both hashes, one in 2^64, would share an endpoint.
 */
const client: Concatenation = [1, 2].map((seed) => ({ kind: 'hash', of: [saddr, ...requested], seed }));

/** The map that all frontends share. */
export function affinitySet(): NamedSet {
  const number = { kind: 'random', modulus: 65536 } as const;
  return {
    name: AFFINITY,
    // A hash has no type that has a name; that of another number does.
    key: { kind: 'typeof', expressions: [number, number] },
    value: { kind: 'typeof', expressions: [{ kind: 'scratch' }] },
    dynamic: { size: MAX_AFFINITIES },
  };
}

export function stickySets(scope: Scope): NamedSet[] {
  const address = scope.entrance === 'address' ? (['address'] as const) : [];
  const key = { kind: 'types', types: [...address, 'inet_proto', 'inet_service', 'classid'] } as const;
  return [
    { name: numberMap(scope), key, value: { kind: 'types', types: ['classid'] } },
    { name: endpointMap(scope), key, value: { kind: 'types', types: ['address', 'inet_service'] } },
  ];
}

/** The chain that leads to one of `count` endpoints, and again to the same within so many seconds. Made on demand. */
export function stickyChain(scope: Scope, protocol: TransportProtocol, count: number, seconds: number): Chain {
  const frontend = [...frontendAddress(scope), l4proto, dport()];
  const byNumber = [...frontend, { kind: 'scratch' } as const];
  const toEndpoint = rule([{ kind: 'protocol', protocol }], { kind: 'dnat', key: byNumber, map: endpointMap(scope) });
  return {
    name: `${frontendMap(scope)}-${protocol}-sticky-${count}-${seconds}`,
    rules: [
      rule([], { kind: 'recall', key: client, map: AFFINITY, seconds }),
      toEndpoint,
      // Unknown, or of an endpoint that is gone.
      rule([], { kind: 'forget', key: client, map: AFFINITY }),
      rule([], { kind: 'draw', modulus: count }),
      rule([], { kind: 'load', key: byNumber, map: numberMap(scope) }),
      rule([], { kind: 'remember', key: client, map: AFFINITY, seconds }),
      toEndpoint,
      // A transaction took effect between two look-ups: see `pickChain`.
      rule([], DROP),
    ],
  };
}

/** Every endpoint by its number, and every number in its endpoint's slot. */
export function stickyElements(frontend: Frontend): Placed[] {
  const scope = scopeOf(frontend);
  const key = keyOf(frontend);
  return numberEndpoints(frontend.endpoints).flatMap(({ number, ip, port }, slot) => [
    { set: numberMap(scope), element: { key: [...key, slot], value: [number] } },
    { set: endpointMap(scope), element: { key: [...key, number], value: [ip, port] } },
  ]);
}

/** The address and port that the elements of {@link stickyElements} have in a slot. */
export function stuckFrom(look: LookUp, frontend: Frontend, slot: number): readonly Atom[] | undefined {
  const scope = scopeOf(frontend);
  const key = keyOf(frontend);
  const number = look(numberMap(scope), [...key, slot]);
  return number && look(endpointMap(scope), [...key, ...number]);
}

function keyOf({ entrance, protocol, port }: Frontend): readonly Atom[] {
  return entrance.kind === 'address' ? [entrance.ip, protocol, port] : [protocol, port];
}
