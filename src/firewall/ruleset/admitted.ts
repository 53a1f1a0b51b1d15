/** Which sources other people's rules admit to an address and port of this machine. */
import { addIP, type CIDR, cidrContains, cidrSize, type IPFamily, parseCIDR, printCIDR } from '../../lib/ip.ts';
import type { Ruleset } from './model.ts';
import type { Packet } from './packet.ts';
import { passage } from './passage.ts';
import { readPrefix } from './prefixes.ts';

/** Sources of which rules say all the same: those of a prefix that are in none of the smaller ones that rules name. */
interface Region {
  readonly prefix: string;
  /** The same as prefixes, none within another. */
  readonly parts: readonly CIDR[];
}

/** Prefixes in rules of one family that are told apart; where there are more, nobody is admitted. */
const MAX_PREFIXES = 512;

/** Tells it by rules as they were at one moment. */
export class Admittance {
  readonly #ruleset: Ruleset;
  readonly #regions: Readonly<Record<IPFamily, readonly Region[]>>;

  constructor(ruleset: Ruleset) {
    this.#ruleset = ruleset;
    this.#regions = { IPv4: regionsOf(ruleset, 'IPv4'), IPv6: regionsOf(ruleset, 'IPv6') };
  }

  /**
   * Canonical prefixes, none within another, of those that are `asked` for, else of all. Those of whom it cannot be told are not among
   * them. `by`: the interface that they come by; else any.
   */
  sources(
    { family, address, protocol, port }: Pick<Packet, 'family' | 'address' | 'protocol' | 'port'>,
    asked?: readonly string[],
    by?: string,
  ): readonly string[] {
    const to = { family, address, protocol, port, ...(by === undefined ? {} : { interface: by }) };
    const base = { ...to, translated: false, ours: false, apart: true } as const;
    const admitted = this.#regions[family]
      .filter(({ prefix }) => passage(this.#ruleset, 'input', { ...base, source: prefix }).kind === 'passes')
      .flatMap(({ parts }) => parts);
    if (asked === undefined) return admitted.map(printCIDR);
    return asked.flatMap((text) => {
      const limit = parseCIDR(text);
      return limit === undefined ? [] : admitted.flatMap((one) => common(one, limit)).map(printCIDR);
    });
  }
}

/** Of two prefixes, the one that is within the other. */
function common(a: CIDR, b: CIDR): readonly CIDR[] {
  if (a.prefix >= b.prefix) return cidrContains(b, a.base) ? [a] : [];
  return cidrContains(a, b.base) ? [b] : [];
}

function regionsOf(ruleset: Ruleset, family: IPFamily): readonly Region[] {
  const found = new Map([[printCIDR(everywhere(family)), everywhere(family)]]);
  for (const { chains } of ruleset) {
    for (const { rules } of chains.values()) {
      for (const term of rules.flatMap(({ terms }) => terms)) {
        if (term.kind !== 'saddr' && term.kind !== 'original-saddr') continue;
        for (const cidr of term.prefixes.map(readPrefix)) {
          if (cidr?.base.family === family) found.set(printCIDR(cidr), cidr);
        }
      }
    }
  }
  if (found.size > MAX_PREFIXES) return [];
  const all = [...found.values()];
  return all.map((cidr) => {
    const smaller = all.filter((other) => other.prefix > cidr.prefix && cidrContains(cidr, other.base));
    return { prefix: printCIDR(cidr), parts: without(cidr, smaller) };
  });
}

const everywhere = (family: IPFamily): CIDR => ({ base: { family, value: 0n }, prefix: 0 });

/** A prefix without those: in halves, down to what is wholly in or out. */
function without(cidr: CIDR, holes: readonly CIDR[]): readonly CIDR[] {
  if (holes.length === 0) return [cidr];
  if (holes.some(({ prefix }) => prefix <= cidr.prefix)) return [];
  const prefix = cidr.prefix + 1;
  const halves = [cidr.base, addIP(cidr.base, cidrSize(cidr) / 2n)].map((base) => ({ base, prefix }));
  return halves.flatMap((half) =>
    without(
      half,
      holes.filter(({ base }) => cidrContains(half, base)),
    ),
  );
}
