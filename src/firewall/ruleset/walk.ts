/** What becomes of a packet in other people's rules: accepted, dropped and by what, or which rule leaves that open. */
import type { BaseChain, Rule, RuleTable } from './model.ts';
import { type Answer, holds, type Packet } from './packet.ts';

/** What may become of a packet. Each names the rule or policy that would do it; both: it cannot be told. */
interface Fate {
  readonly accepted?: string;
  readonly dropped?: string;
  /** The first rule of which it is not known whether it counts. */
  readonly doubt?: string;
}

export type Passage =
  | { readonly kind: 'passes' | 'stopped'; readonly by: string }
  | { readonly kind: 'unknown'; readonly why: string };

/** The kernel itself allows 16 chains within one another. */
const MAX_DEPTH = 16;
/** Rules that are looked at for one packet: more than anyone writes by hand. */
const MAX_RULES = 20_000;

/** What a base chain does to a packet, with all chains that it leads to. */
export function walk(table: RuleTable, base: BaseChain, packet: Packet): Passage {
  const walker = new Walker(table, packet);
  const open = walker.enter(base.chain, 0);
  const policy = `policy ${base.policy} of chain ${base.chain}, ${table.name}`;
  const { accepted, dropped, doubt } = walker.fate;
  const fate: Fate = open
    ? base.policy === 'accept'
      ? { accepted: accepted ?? policy, ...(dropped && { dropped }) }
      : { dropped: dropped ?? policy, ...(accepted && { accepted }) }
    : walker.fate;
  if (walker.exhausted) return { kind: 'unknown', why: `chain ${base.chain}, ${table.name}, has too many rules` };
  if (fate.dropped === undefined) return { kind: 'passes', by: fate.accepted ?? policy };
  if (fate.accepted === undefined) return { kind: 'stopped', by: fate.dropped };
  return { kind: 'unknown', why: doubt ?? fate.dropped };
}

class Walker {
  fate: Fate = {};
  exhausted = false;
  readonly #table: RuleTable;
  readonly #packet: Packet;
  #rules = 0;

  constructor(table: RuleTable, packet: Packet) {
    this.#table = table;
    this.#packet = packet;
  }

  /** Follows a chain. Whether packets may come out at its end, or by `return`. */
  enter(name: string, depth: number): boolean {
    if (depth > MAX_DEPTH) this.exhausted = true;
    for (const rule of this.#table.chains.get(name)?.rules ?? []) {
      if (++this.#rules > MAX_RULES) this.exhausted = true;
      if (this.exhausted) return true;
      const matched = matches(rule, this.#packet);
      if (matched === 'no' || rule.outcome.kind === 'none') continue;
      const after = this.#obey(rule, name, { matched, depth });
      if (after === 'left' || after === 'ended') return after === 'left';
    }
    return true;
  }

  /** What is next: the next rule, the end of the chain as if there were no more rules, or nothing. */
  #obey(rule: Rule, chain: string, { matched, depth }: { matched: Answer; depth: number }): 'next' | 'left' | 'ended' {
    const place = rule.place ?? `rule "${rule.text}" of chain ${chain}, ${this.#table.name}`;
    const isSure = matched === 'yes';
    const { outcome } = rule;
    if (!isSure || outcome.kind === 'unknown') this.fate = { doubt: place, ...this.fate };
    switch (outcome.kind) {
      case 'accept':
        this.fate = { accepted: place, ...this.fate };
        return isSure ? 'ended' : 'next';
      case 'drop':
        this.fate = { dropped: place, ...this.fate };
        return isSure ? 'ended' : 'next';
      case 'unknown':
        this.fate = { accepted: place, dropped: place, ...this.fate };
        return 'next';
      case 'return':
        return isSure ? 'left' : this.#mayLeave();
      case 'jump':
      case 'goto': {
        const comesBack = this.enter(outcome.chain, depth + 1);
        if (!isSure) return outcome.kind === 'goto' && comesBack ? this.#mayLeave() : 'next';
        if (!comesBack) return 'ended';
        return outcome.kind === 'goto' ? 'left' : 'next';
      }
      default:
        return 'next';
    }
  }

  /** Some packets may leave the chain here, and what becomes of them then is not followed. */
  #mayLeave(): 'next' {
    const place = this.fate.doubt ?? 'a rule that may return';
    this.fate = { accepted: place, dropped: place, ...this.fate };
    return 'next';
  }
}

function matches(rule: Rule, packet: Packet): Answer {
  let answer: Answer = 'yes';
  for (const term of rule.terms) {
    const one = holds(term, packet);
    if (one === 'no') return 'no';
    if (one === 'maybe') answer = 'maybe';
  }
  return answer;
}
