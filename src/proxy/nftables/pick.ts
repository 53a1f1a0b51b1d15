/** Endpoints that are drawn for each connection: a map from slots to endpoints, and a chain per number of endpoints. */
import type { Atom, Chain, NamedSet, Placed, Statement, TransportProtocol } from '../../netfilter/model.ts';
import type { Frontend } from '../forwarding.ts';
import { frontendAddress, frontendMap, type LookUp, type Scope, scopeOf } from './scopes.ts';
import { daddr, dport, random, rule } from './words.ts';

/** Map from a frontend and a drawn number to an endpoint. One per protocol: nft 1.0.6 gives ports no other type. */
const endpointMap = (scope: Scope, protocol: TransportProtocol): string => `${frontendMap(scope)}-endpoint-${protocol}`;

export function endpointSet(scope: Scope, protocol: TransportProtocol): NamedSet {
  const key = [...frontendAddress(scope), dport(protocol), random(65536)];
  const value = [daddr, dport(protocol)];
  return {
    name: endpointMap(scope, protocol),
    key: { kind: 'typeof', expressions: key },
    value: { kind: 'typeof', expressions: value },
  };
}

/** The chain that draws one of `count` endpoints. Made on demand. */
export function pickChain(scope: Scope, protocol: TransportProtocol, count: number): Chain {
  const key = [...frontendAddress(scope), dport(protocol), random(count)];
  const statement: Statement = { kind: 'dnat', key, map: endpointMap(scope, protocol) };
  return {
    name: `${frontendMap(scope)}-${protocol}-pick-${count}`,
    rules: [rule([{ kind: 'protocol', protocol }], statement)],
  };
}

/** Every endpoint in its slot. */
export function pickElements(frontend: Frontend): Placed[] {
  const set = endpointMap(scopeOf(frontend), frontend.protocol);
  return frontend.endpoints.map(({ ip, port }, slot) => ({
    set,
    element: { key: keyOf(frontend, slot), value: [ip, port] },
  }));
}

/** The address and port that the elements of {@link pickElements} have in a slot. */
export function pickedFrom(look: LookUp, frontend: Frontend, slot: number): readonly Atom[] | undefined {
  return look(endpointMap(scopeOf(frontend), frontend.protocol), keyOf(frontend, slot));
}

function keyOf({ entrance, port }: Frontend, slot: number): readonly Atom[] {
  return entrance.kind === 'address' ? [entrance.ip, port, slot] : [port, slot];
}
