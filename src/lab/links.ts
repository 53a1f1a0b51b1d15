/**
 * What is wrong with the links between the places of a lab, as data, and the rules of netfilter that make it so. Frames are lost at the
 * switch, so that both ends see a link that is up and hear nothing; between two LANs, packets are lost at the router.
 */
import { printIP } from '../lib/ip.ts';
import type { Place, Topology } from './topology.ts';

/** One direction of a link that loses what passes it. */
export interface LinkFault {
  /** Names of places. */
  readonly from: string;
  readonly to: string;
  /** Hundredths of a percent of the frames that are lost: 10000 is all. */
  readonly loss: number;
}

export const ALL_LOST = 10_000;

/** The tables in the place `lan` that are the lab's, in the families `bridge` and `inet`. */
const TABLE = 'postern_lab';

/** The faults with some more, of which each replaces an earlier one of the same direction. */
export function withFaults(faults: readonly LinkFault[], more: readonly LinkFault[]): readonly LinkFault[] {
  const kept = faults.filter((fault) => !more.some((other) => sameDirection(fault, other)));
  return [...kept, ...more].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

/** The faults without those in these directions. */
export function withoutFaults(
  faults: readonly LinkFault[],
  directions: readonly Pick<LinkFault, 'from' | 'to'>[],
): readonly LinkFault[] {
  return faults.filter((fault) => !directions.some((other) => sameDirection(fault, other)));
}

/** What `nft -f -` does in the place `lan`, so that the links have these faults and no others. */
export function linkRules(topology: Topology, faults: readonly LinkFault[]): string {
  const places = new Map(
    [topology.lan, ...topology.servers, ...topology.nodes, topology.client].map((p) => [p.name, p]),
  );
  const known = faults.flatMap(({ from, to, loss }) => {
    const [a, b] = [places.get(from), places.get(to)];
    return a === undefined || b === undefined ? [] : [{ from: a, to: b, loss }];
  });
  const rules = known.flatMap((fault) => rulesOf(topology.lan, fault));
  return FAMILIES.map((family) => {
    const chains = HOOKS.map(
      (hook) =>
        ` chain ${hook} {\n  type filter hook ${hook} priority -300;\n${rules
          .filter((rule) => rule.family === family && rule.hook === hook)
          .map(({ text }) => `  ${text}\n`)
          .join('')} }\n`,
    );
    return `table ${family} ${TABLE}\ndelete table ${family} ${TABLE}\ntable ${family} ${TABLE} {\n${chains.join('')}}\n`;
  }).join('');
}

const FAMILIES = ['bridge', 'inet'] as const;
const HOOKS = ['input', 'forward', 'output'] as const;

interface Rule {
  readonly family: (typeof FAMILIES)[number];
  readonly hook: (typeof HOOKS)[number];
  readonly text: string;
}

function rulesOf(
  router: Place,
  { from, to, loss }: { readonly from: Place; readonly to: Place; readonly loss: number },
): readonly Rule[] {
  const drop = loss >= ALL_LOST ? 'drop' : `numgen random mod ${ALL_LOST} < ${loss} drop`;
  if (to === router) return [{ family: 'bridge', hook: 'input', text: `iifname "${from.name}" ${drop}` }];
  if (from === router) return [{ family: 'bridge', hook: 'output', text: `oifname "${to.name}" ${drop}` }];
  if (from.lan === to.lan) {
    return [{ family: 'bridge', hook: 'forward', text: `iifname "${from.name}" oifname "${to.name}" ${drop}` }];
  }
  return from.addresses.map((address, i) => {
    const other = to.addresses[i] ?? address;
    const field = address.family === 'IPv4' ? 'ip' : 'ip6';
    return {
      family: 'inet',
      hook: 'forward',
      text: `${field} saddr ${printIP(address)} ${field} daddr ${printIP(other)} ${drop}`,
    };
  });
}

const keyOf = ({ from, to }: Pick<LinkFault, 'from' | 'to'>): string => `${from} ${to}`;

function sameDirection(a: Pick<LinkFault, 'from' | 'to'>, b: Pick<LinkFault, 'from' | 'to'>): boolean {
  return keyOf(a) === keyOf(b);
}
