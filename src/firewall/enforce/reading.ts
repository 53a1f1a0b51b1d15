/** What a host's firewall says of who may come to an address and port of this machine, were it not translated. */
import type { Destination } from '../backend.ts';
import { Admittance } from '../ruleset/admitted.ts';
import type { Ruleset } from '../ruleset/model.ts';
import { MAX_WAYS } from './layout.ts';

/** Whom a firewall admits by one way: canonical prefixes, none within another, of those `asked` for; by default of anyone. */
export type Sources = (to: Destination, asked?: readonly string[]) => readonly string[];

/** Interfaces for which the firewall has the same rules. */
export interface Way {
  /** Their names; ending in `*`: all whose names begin so. */
  readonly interfaces: readonly string[];
  readonly sources: Sources;
}

/** One look at a firewall. Those of whom it cannot be told are not admitted. */
export interface Reading {
  /** The same for looks that say the same. */
  readonly text: string;
  /** No interface is in two of them. */
  readonly ways: readonly Way[];
  /** Of who comes by any other interface. */
  readonly others: Sources;
}

/** The name of no interface. */
const NO_INTERFACE = '';

/**
 * The reading of rules: `ways` are the interfaces that are told apart. `all`: these are all that rules name, so that others are none of
 * them; else only that is known of others which rules say without looking at interfaces.
 */
export function readingOf(
  ruleset: Ruleset,
  ways: readonly (readonly string[])[],
  { all = false }: { readonly all?: boolean } = {},
): Reading {
  const rules = ruleset.map(({ chains, ...table }) => ({ ...table, chains: [...chains.values()] }));
  const admittance = new Admittance(ruleset);
  return {
    text: JSON.stringify({ rules, ways }),
    ways: ways.slice(0, MAX_WAYS).map((interfaces) => ({
      interfaces,
      sources: (to, asked) => admittance.sources(to, asked, interfaces[0]),
    })),
    // Who comes by a way too many is taken for one of those who come by others.
    others: (to, asked) =>
      ways.length > MAX_WAYS ? [] : admittance.sources(to, asked, all ? NO_INTERFACE : undefined),
  };
}
