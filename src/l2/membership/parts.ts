/**
 * What leases tell when heartbeats do not get through: nodes that live all the same, and of a LAN that has come apart, the
 * part that goes on. Pure; every node comes to the same answer from the same leases.
 */

/** A node whose lease is renewed although none of its heartbeats arrive. */
export interface Unheard {
  readonly name: string;
  readonly hears: readonly string[];
  readonly onLan: boolean;
}

export interface Member {
  readonly name: string;
  readonly onLan: boolean;
}

/** Nodes that hear one another. */
type Part = readonly Member[];

/** The nodes that go on. Those of this node's own part that do not are in reserve. */
export interface Verdict {
  /** The unheard nodes that count as alive. */
  readonly alive: ReadonlySet<string>;
  readonly ownPart: 'alive' | 'reserve';
}

/**
 * While no node hears any other, heartbeats just do not pass: all that reach the LAN are alive. Otherwise the LAN has come
 * apart, and only the part with the most nodes on it goes on; of equal ones that with the node of the smallest name.
 */
export function compareParts(own: Part, unheard: readonly Unheard[]): Verdict {
  if (unheard.length === 0) return { alive: new Set(), ownPart: 'alive' };
  const others = partsOf(unheard);
  if (own.length === 1 && others.every((part) => part.length === 1)) return singleNodes(own, unheard);
  const best = others.reduce((a, b) => (compare(a, b) <= 0 ? a : b));
  if (compare(own, best) <= 0) return { alive: new Set(), ownPart: 'alive' };
  return { alive: new Set(best.map(({ name }) => name)), ownPart: 'reserve' };
}

function singleNodes(own: Part, unheard: readonly Unheard[]): Verdict {
  const anyOnLan = [...own, ...unheard].some(({ onLan }) => onLan);
  const goesOn = ({ onLan }: Member): boolean => onLan || !anyOnLan;
  return {
    alive: new Set(unheard.filter(goesOn).map(({ name }) => name)),
    ownPart: own.some(goesOn) ? 'alive' : 'reserve',
  };
}

/** The larger part first. */
function compare(a: Part, b: Part): number {
  const size = (part: Part): number => part.filter(({ onLan }) => onLan).length;
  const smallest = (part: Part): string => part.map(({ name }) => name).sort()[0] ?? '';
  return size(b) - size(a) || (smallest(a) < smallest(b) ? -1 : 1);
}

/** Nodes are of one part when one of two says that it hears the other. */
function partsOf(nodes: readonly Unheard[]): readonly Part[] {
  const parts = new Map(nodes.map((node): [string, Unheard[]] => [node.name, [node]]));
  for (const { name, hears } of nodes) {
    for (const other of hears) {
      const [into, from] = [parts.get(name), parts.get(other)];
      if (into === undefined || from === undefined || into === from) continue;
      into.push(...from);
      for (const member of from) parts.set(member.name, into);
    }
  }
  return [...new Set(parts.values())];
}
