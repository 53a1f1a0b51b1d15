/** A table as `nft list table` prints it, without the elements of its sets. */
import type { BaseChain, Chain, Rule, RuleTable } from '../ruleset/model.ts';
import { parseRule } from './parse-rule.ts';

/** `policy` is told where it is not the usual one. */
const BASE = /^type filter hook (prerouting|input|forward) .*?priority ([\w+ -]+);(?: policy (accept|drop);)?/;

/** Priorities by name, for the families that route packets (nft(8)). */
const PRIORITIES: Readonly<Record<string, number>> = {
  ...{ raw: -300, mangle: -150, dstnat: -100, filter: 0, security: 50, srcnat: 100 },
};

export function parseTable(name: string, families: RuleTable['families'], text: string): RuleTable {
  const chains = new Map<string, Chain>();
  const bases: BaseChain[] = [];
  let current: { readonly name: string; readonly rules: Rule[] } | undefined;
  for (const line of logicalLines(text)) {
    const [, opened] = /^chain (\S+) \{$/.exec(line) ?? [];
    if (opened !== undefined) {
      current = { name: opened, rules: [] };
      chains.set(opened, current);
    } else if (line === '}') current = undefined;
    else if (current !== undefined && line !== '') {
      const base = readBase(current.name, line);
      if (base !== undefined) bases.push(base);
      else if (!/^(type (nat|route|filter) hook|policy |comment "|flags )/.test(line))
        current.rules.push(...parseRule(line));
    }
  }
  return { name, families, bases, chains };
}

function readBase(chain: string, line: string): BaseChain | undefined {
  const [, hook, priority = '', policy = 'accept'] = BASE.exec(line) ?? [];
  if (hook !== 'prerouting' && hook !== 'input' && hook !== 'forward') return undefined;
  return { chain, hook, priority: readPriority(priority), policy: policy === 'drop' ? 'drop' : 'accept' };
}

/** `filter`, `filter + 10` or `-150`. */
function readPriority(text: string): number {
  const [base = '', sign, offset = '0'] = text.trim().split(' ');
  return (PRIORITIES[base] ?? Number(base)) + (sign === '-' ? -1 : 1) * Number(offset);
}

/** Lines without indentation and remarks; one where nft breaks a long set within braces. */
function* logicalLines(text: string): Iterable<string> {
  let whole = '';
  for (const line of text.split('\n')) {
    whole = whole === '' ? line.trim() : `${whole} ${line.trim()}`;
    if (/\{[^}]*$/.test(whole) && !/^(table|chain|set|map|flowtable|counter|quota|limit|secmark|ct)\b.*\{$/.test(whole))
      continue;
    if (!whole.startsWith('#')) yield whole;
    whole = '';
  }
}
