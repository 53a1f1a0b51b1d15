/** From what is forwarded to the map elements that make the kernel do it. */
import type { IPFamily } from '../../lib/ip.ts';
import { type Atom, type Chain, goto, type Placed } from '../../netfilter/model.ts';
import type { Endpoint, Frontend } from '../forwarding/forwarding.ts';
import { chainMap, destinationOf } from './destinations.ts';
import { masqueradeMap, masqueradeNumber, SETS } from './layout.ts';
import { pickChain, pickElements, pickedFrom } from './pick.ts';
import { frontendMap, type LookUp, scopeOf } from './scopes.ts';
import { stickyChain, stickyElements, stuckFrom } from './sticky.ts';

/** An element and the family whose table it belongs in. */
export interface FamilyElement {
  readonly family: IPFamily;
  readonly placed: Placed;
}

/** The elements of one frontend: where it leads, its endpoints, and whose source address is replaced. */
export function frontendElements(frontend: Frontend): Placed[] {
  const { protocol, port, entrance } = frontend;
  const key = [...(entrance.kind === 'address' ? [entrance.ip] : []), protocol, port];
  const elements: Placed[] = [
    { set: frontendMap(scopeOf(frontend)), element: { key, value: [destinationOf(frontend)] } },
    ...(frontend.affinity === undefined ? pickElements(frontend) : stickyElements(frontend)),
  ];
  // Insiders share the address with everyone, and its entries here.
  if (frontend.audience === 'anyone') {
    const value = [masqueradeNumber(frontend.masquerade)];
    elements.push({ set: masqueradeMap(entrance.kind), element: { key, value } });
    if (frontend.sources !== undefined) elements.push(...sourceElements(key, frontend.sources));
  }
  return elements;
}

/** The endpoint that the elements of {@link frontendElements} have in a slot; undefined when there is none. */
export function endpointFrom(look: LookUp, frontend: Frontend, slot: number): Endpoint | undefined {
  const value = (frontend.affinity === undefined ? pickedFrom : stuckFrom)(look, frontend, slot);
  return value && { ip: String(value[0]), port: Number(value[1]), local: false };
}

/** Without the first, nobody is checked; without any of the others, nobody passes. */
function sourceElements(key: readonly Atom[], sources: readonly string[]): Placed[] {
  return [
    { set: SETS.sourceChecked, element: { key } },
    ...sources.map((source) => ({ set: SETS.allowedSource, element: { key: [...key, source] } })),
  ];
}

/** A chain that is made on demand, and what leads to it. */
export interface DemandedChain {
  readonly chain: Chain;
  readonly entry: Placed;
}

/** The chain that a frontend with endpoints goes to; undefined when it has none. */
export function frontendChain(frontend: Frontend): DemandedChain | undefined {
  const { protocol, endpoints, affinity } = frontend;
  if (endpoints.length === 0) return undefined;
  const scope = scopeOf(frontend);
  const chain =
    affinity === undefined
      ? pickChain(scope, protocol, endpoints.length)
      : stickyChain(scope, protocol, endpoints.length, affinity);
  const element = { key: [protocol, destinationOf(frontend)], value: goto(chain.name) };
  return { chain, entry: { set: chainMap(scope), element } };
}

/**
 * A guest that reaches itself through a Service needs its own pair in the hairpin set, or it would see its own address as
 * the source and drop the packet. Several frontends may need the same element.
 */
export function hairpinElements({ family, endpoints }: Frontend): FamilyElement[] {
  const guests = new Set(endpoints.filter(({ local }) => local).map(({ ip }) => ip));
  return [...guests].map((ip) => ({ family, placed: { set: SETS.hairpin, element: { key: [ip, ip] } } }));
}
