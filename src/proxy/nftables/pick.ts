/** Endpoints that are drawn for each connection: a map from slots to endpoints, and a chain per number of endpoints. */
import type { Atom, Chain, NamedSet, Placed, TransportProtocol } from '../../netfilter/model.ts';
import type { Frontend } from '../forwarding/forwarding.ts';
import { frontendAddress, frontendMap, type LookUp, type Scope, scopeOf } from './scopes.ts';
import { DROP, daddr, dport, random, rule } from './words.ts';

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

/**
 * The chain that draws one of `count` endpoints. Made on demand. A transaction may take effect while a packet is between two
 * look-ups: then the number of endpoints is that of before, and the slot is empty. The first slot is the last to go; where even
 * that is empty, the packet is dropped and the client sends it again. Let through, it would make a flow that leads nowhere for good.
 */
export function pickChain(scope: Scope, protocol: TransportProtocol, count: number): Chain {
  const draw = (modulus: number) => {
    const key = [...frontendAddress(scope), dport(protocol), random(modulus)];
    return rule([{ kind: 'protocol', protocol }], { kind: 'dnat', key, map: endpointMap(scope, protocol) });
  };
  return {
    name: `${frontendMap(scope)}-${protocol}-pick-${count}`,
    rules: [draw(count), ...(count > 1 ? [draw(1)] : []), rule([], DROP)],
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
