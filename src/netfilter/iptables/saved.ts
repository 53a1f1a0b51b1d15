/** What a kernel holds of ours, read from what `iptables-save` prints. */
import type { Hook, TableCounts } from './model.ts';

/** One table's part of it. */
export class SavedTable {
  /** Our chains, with their rules as they are printed. */
  readonly chains = new Map<string, string[]>();
  /** Rules of other chains that lead to ours, in order. */
  readonly hooks: Hook[] = [];
  /** What becomes of packets at the end of the kernel's own chains. */
  readonly policies = new Map<string, 'ACCEPT' | 'DROP'>();
  readonly #prefix: string;

  /** `prefix`: what our chains' names begin with. */
  constructor(prefix: string) {
    this.#prefix = prefix;
  }

  counts(): TableCounts {
    const hooks = new Map<string, number>();
    for (const { into } of this.hooks) hooks.set(into, (hooks.get(into) ?? 0) + 1);
    return { chains: new Map([...this.chains].map(([name, rules]) => [name, rules.length])), hooks };
  }

  /** Takes one line of the output for this table. */
  read(line: string): void {
    if (line.startsWith(`:${this.#prefix}`)) this.chains.set(line.slice(1, line.indexOf(' ')), []);
    const [, builtIn, policy] = /^:(\S+) (ACCEPT|DROP) /.exec(line) ?? [];
    if (builtIn !== undefined) this.policies.set(builtIn, policy === 'DROP' ? 'DROP' : 'ACCEPT');
    if (!line.startsWith('-A ')) return;
    const end = line.indexOf(' ', 3);
    const [chain, rule] = [line.slice(3, end), line.slice(end + 1)];
    if (chain.startsWith(this.#prefix)) this.chains.get(chain)?.push(rule);
    else if (leadsTo(rule, this.#prefix)) this.hooks.push({ into: chain, rule });
  }
}

/** The target is the last word of a rule that leads somewhere. */
const leadsTo = (rule: string, prefix: string): boolean =>
  ['-j', '-g'].some((flag) => rule.slice(0, rule.lastIndexOf(' ')).endsWith(flag)) &&
  rule.slice(rule.lastIndexOf(' ') + 1).startsWith(prefix);
