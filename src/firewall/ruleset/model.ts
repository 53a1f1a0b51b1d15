/**
 * Rules of a host's packet filter, as far as they can be understood: what of a packet they look at, and what becomes of it.
 * What is not understood is kept as such, so that nothing is said that may be wrong.
 */
import type { IPFamily } from '../../lib/ip.ts';

/** Who may come: anyone, or those from prefixes that are named. */
export type Audience = 'anyone' | 'named';

/** Each reads one thing of a packet. `not`: holds where the rest does not. */
export type Term = { readonly not?: true } & (
  | { readonly kind: 'family'; readonly family: IPFamily }
  /** Names or numbers of protocols. */
  | { readonly kind: 'protocol'; readonly protocols: readonly string[] }
  /** First and last ports. */
  | { readonly kind: 'dport' | 'original-dport'; readonly ports: readonly (readonly [number, number])[] }
  | { readonly kind: 'saddr' | 'daddr' | 'original-saddr' | 'original-daddr'; readonly prefixes: readonly string[] }
  /** Interfaces that the packet came through; ending in `*`: those whose names begin so. */
  | { readonly kind: 'through'; readonly interfaces: readonly string[] }
  /** What connection tracking says of it, in small letters: `new`, `established`, ... */
  | { readonly kind: 'state'; readonly states: readonly string[] }
  /** Its destination was translated. */
  | { readonly kind: 'translated' }
  /** Its destination is an address of this machine. */
  | { readonly kind: 'local-destination' }
  /**
   * One of our sets has it; `by` the destination that the client asked for, or by the one that it has here. `audience`: it is a set
   * of those to which only these may come; absent: of all.
   */
  | { readonly kind: 'ours'; readonly family: IPFamily; readonly by: 'original' | 'here'; readonly audience?: Audience }
  /** It is from pods or nodes to pods, by what is ours: nobody outside the cluster sends such packets. */
  | { readonly kind: 'for-pods' }
  | { readonly kind: 'unknown' }
);

/** `unknown`: may do anything. `none`: the next rule follows. */
export type Outcome =
  | { readonly kind: 'accept' | 'drop' | 'return' | 'none' | 'unknown' }
  | { readonly kind: 'jump' | 'goto'; readonly chain: string };

export interface Rule {
  readonly terms: readonly Term[];
  readonly outcome: Outcome;
  /** As the host's tools print it. */
  readonly text: string;
  /** How verdicts name it. Default: by its text, its chain and its table. */
  readonly place?: string;
}

export interface Chain {
  readonly name: string;
  readonly rules: readonly Rule[];
}

/** Packets come to it by itself. */
export interface BaseChain {
  readonly chain: string;
  readonly hook: 'prerouting' | 'input' | 'forward';
  /** Lower ones come first. */
  readonly priority: number;
  readonly policy: 'accept' | 'drop';
}

export interface RuleTable {
  /** As people name it: `table inet filter`. */
  readonly name: string;
  /** The families of its packets. */
  readonly families: readonly IPFamily[];
  readonly bases: readonly BaseChain[];
  readonly chains: ReadonlyMap<string, Chain>;
}

/** Other people's rules. */
export type Ruleset = readonly RuleTable[];
