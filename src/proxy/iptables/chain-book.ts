/** What every chain of one table holds, and which of them changed: the cost of a change is that of its own chains. */
import type { IPFamily } from '../../lib/ip.ts';
import type { ChainChange, ChainText } from '../../netfilter/iptables/model.ts';
import { printRule } from '../../netfilter/iptables/print.ts';
import type { Entry } from './entries.ts';
import type { BaseChains } from './layout.ts';
import type { Step } from './tree.ts';

/** A chain is there while it has entries, or for good. */
interface Chain {
  readonly base: readonly string[] | undefined;
  readonly entries: Map<string, readonly string[]>;
}

/** An entry as it was; undefined: there was none. */
interface Former {
  readonly chain: string;
  readonly key: string;
  readonly rules: readonly string[] | undefined;
}

export class ChainBook {
  readonly #family: IPFamily;
  readonly #chains = new Map<string, Chain>();
  /** Chains that were touched since the last {@link take}, as they were then. */
  readonly #before = new Map<string, ChainText>();
  /** Everything that changed since the last {@link keep}, in order. Undefined before the first: nothing is a change yet. */
  #journal: Former[] | undefined;

  /** The chains of `base` are there for good, and their own rules come before all entries. */
  constructor(family: IPFamily, base: BaseChains) {
    this.#family = family;
    for (const [name, rules] of base) {
      this.#chains.set(name, { base: rules, entries: new Map() });
    }
  }

  add({ steps, chain, key, rules }: Entry): void {
    this.#put(
      chain,
      key,
      rules.map((rule) => printRule(rule, this.#family)),
    );
    for (const { from, key: digit, rule } of steps) {
      if (this.#chains.get(from)?.entries.has(stepKey(digit)) === true) continue;
      this.#put(from, stepKey(digit), [printRule(rule, this.#family)]);
    }
  }

  remove({ steps, chain, key }: Pick<Entry, 'steps' | 'chain' | 'key'>): void {
    this.#drop(chain, key);
    // From the leaf: a branch without leaves is no branch.
    for (const { from, key: digit, to } of [...steps].reverse()) {
      if (this.#chains.has(to)) break;
      this.#drop(from, stepKey(digit));
    }
  }

  /** What changed since the last time. */
  take(): ChainChange[] {
    const changes: ChainChange[] = [];
    for (const [chain, before] of this.#before) {
      const after = this.text(chain);
      if (!sameText(before, after)) changes.push({ chain, before, after });
    }
    this.#before.clear();
    return changes.sort((a, b) => (a.chain < b.chain ? -1 : 1));
  }

  /** What is there is in the kernel: it is no change any more, and cannot be undone. */
  keep(): void {
    this.#journal = [];
    this.#before.clear();
  }

  /** Everything is as it was at the last {@link keep}. */
  undo(): void {
    for (const { chain, key, rules } of this.#journal?.splice(0).reverse() ?? []) {
      if (rules === undefined) this.#drop(chain, key);
      else this.#put(chain, key, rules);
    }
    this.keep();
  }

  /** The names of all chains. */
  names(): Iterable<string> {
    return this.#chains.keys();
  }

  text(name: string): ChainText {
    const chain = this.#chains.get(name);
    if (chain === undefined) return undefined;
    const { base = [], entries } = chain;
    if (entries.size < 2) return [...base, ...[...entries.values()].flat()];
    const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
    return [...base, ...sorted.flatMap(([, rules]) => rules)];
  }

  /** The number of rules of a chain. */
  count(name: string): number {
    const { base = [], entries = new Map<string, readonly string[]>() } = this.#chains.get(name) ?? {};
    let total = base.length;
    for (const rules of entries.values()) total += rules.length;
    return total;
  }

  #put(name: string, key: string, rules: readonly string[]): void {
    this.#touch(name, key);
    const chain = this.#chains.get(name);
    if (chain === undefined) this.#chains.set(name, { base: undefined, entries: new Map([[key, rules]]) });
    else chain.entries.set(key, rules);
  }

  #drop(name: string, key: string): void {
    const chain = this.#chains.get(name);
    if (chain === undefined || !chain.entries.has(key)) return;
    this.#touch(name, key);
    chain.entries.delete(key);
    if (chain.base === undefined && chain.entries.size === 0) this.#chains.delete(name);
  }

  #touch(name: string, key: string): void {
    if (this.#journal === undefined) return;
    this.#journal.push({ chain: name, key, rules: this.#chains.get(name)?.entries.get(key) });
    if (!this.#before.has(name)) this.#before.set(name, this.text(name));
  }
}

/** Steps and other entries do not meet in one chain, but for the roots. */
const stepKey = (digit: Step['key']): string => `>${digit}`;

export function sameText(a: ChainText, b: ChainText): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((rule, i) => rule === b[i]);
}
