/** From what is forwarded to the map elements that make the kernel do it. */
import type { IPFamily } from '../../lib/ip.ts';
import { type Atom, type Chain, goto, type Placed, type TableFamily } from '../../netfilter/model.ts';
import { type Frontend, tableFamily } from '../forwarding.ts';
import {
  endpointMap,
  frontendMap,
  masqueradeChain,
  masqueradeMap,
  pickChain,
  pickChainName,
  type Scope,
  SETS,
  UNAVAILABLE_CHAINS,
} from './layout.ts';

/** An element and the family whose table it belongs in. */
export interface FamilyElement {
  readonly family: IPFamily;
  readonly placed: Placed;
}

/** The elements of one frontend: its number of endpoints, the endpoints, and whose source address is replaced. */
export function frontendElements(frontend: Frontend): Placed[] {
  const scope = scopeOf(frontend);
  const { protocol, port, endpoints } = frontend;
  const address: readonly Atom[] = frontend.entrance.kind === 'address' ? [frontend.entrance.ip] : [];
  const key = [...address, protocol, port];
  const chain =
    endpoints.length > 0 ? pickChainName(scope, protocol, endpoints.length) : UNAVAILABLE_CHAINS[frontend.unavailable];
  const elements: Placed[] = [{ set: frontendMap(scope), element: { key, value: goto(chain) } }];
  for (const [slot, { ip, port: to }] of endpoints.entries()) {
    const { set, key } = endpointElement(frontend, slot);
    elements.push({ set, element: { key, value: [ip, to] } });
  }
  // Insiders share the address with everyone, and its entries here.
  if (frontend.audience === 'anyone') {
    const value = goto(masqueradeChain(frontend.masquerade));
    elements.push({ set: masqueradeMap(frontend.entrance.kind), element: { key, value } });
    if (frontend.sources !== undefined) elements.push(...sourceElements(key, frontend.sources));
  }
  return elements;
}

/** Where the endpoint in a slot of a frontend is kept. */
export function endpointElement(
  frontend: Frontend,
  slot: number,
): { readonly family: TableFamily; readonly set: string; readonly key: readonly Atom[] } {
  const { family, protocol, port, entrance } = frontend;
  const address = entrance.kind === 'address' ? [entrance.ip] : [];
  return {
    family: tableFamily(family),
    set: endpointMap(scopeOf(frontend), protocol),
    key: [...address, port, slot],
  };
}

/** Without the first, nobody is checked; without any of the others, nobody passes. */
function sourceElements(key: readonly Atom[], sources: readonly string[]): Placed[] {
  return [
    { set: SETS.sourceChecked, element: { key } },
    ...sources.map((source) => ({ set: SETS.allowedSource, element: { key: [...key, source] } })),
  ];
}

/** The chain that a frontend with endpoints goes to; undefined when it has none. */
export function frontendPickChain(frontend: Frontend): Chain | undefined {
  const { protocol, endpoints } = frontend;
  return endpoints.length === 0 ? undefined : pickChain(scopeOf(frontend), protocol, endpoints.length);
}

/**
 * A guest that reaches itself through a Service needs its own pair in the hairpin set, or it would see its own address as
 * the source and drop the packet. Several frontends may need the same element.
 */
export function hairpinElements({ family, endpoints }: Frontend): FamilyElement[] {
  const guests = new Set(endpoints.filter(({ local }) => local).map(({ ip }) => ip));
  return [...guests].map((ip) => ({ family, placed: { set: SETS.hairpin, element: { key: [ip, ip] } } }));
}

const scopeOf = (frontend: Frontend): Scope => ({
  audience: frontend.audience,
  entrance: frontend.entrance.kind,
});
