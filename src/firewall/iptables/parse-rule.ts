/**
 * Rules as `iptables-save` prints them, read as far as verdicts need it: iptables(8) and iptables-extensions(8). What is not known
 * leaves the rule with a term that may hold or not.
 */
import type { IPFamily } from '../../lib/ip.ts';
import type { Outcome, Rule, Term } from '../ruleset/model.ts';
import { POD_PREFIX } from './pods.ts';
import { CHAIN } from './rules.ts';

/** After these the next rule follows, whatever they do besides. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...['LOG', 'NFLOG', 'ULOG', 'MARK', 'CONNMARK', 'TCPMSS', 'SET', 'CLASSIFY', 'DSCP', 'TOS', 'AUDIT', 'TRACE'],
  ...['CHECKSUM', 'SECMARK', 'CONNSECMARK', 'CT', 'NOTRACK', 'TEE', 'RATEEST'],
]);

/** Options with which a rule still matches the packets that are meant: they say nothing, or repeat what is known. */
const SILENT: Readonly<Record<string, number>> = { '-m': 1, '--comment': 1, '--syn': 0 };

/** A rule without `-A CHAIN`. `chains`: those of its table. */
export function parseRule(text: string, family: IPFamily, chains: ReadonlySet<string>): Rule {
  const words = text.match(/"(?:[^"\\]|\\.)*"|\S+/g) ?? [];
  const terms: Term[] = [];
  let outcome: Outcome = { kind: 'none' };
  for (let at = 0; at < words.length; ) {
    const not = words[at] === '!';
    const option = words[not ? at + 1 : at] ?? '';
    const start = at + (not ? 2 : 1);
    const target = words[start] ?? '';
    if (option === '-j' || option === '-g') {
      if (target.startsWith(POD_PREFIX)) terms.push({ kind: 'for-pods' });
      if (target === CHAIN) terms.push({ kind: 'ours', family, by: 'original' });
      outcome = outcomeOf(option, target, chains);
      break; // What follows are options of the target.
    }
    const silent = SILENT[option];
    const end = silent === undefined ? endOfValues(words, start) : start + silent;
    if (silent === undefined) terms.push(termOf(option, words.slice(start, end), not));
    at = end;
  }
  return { terms, outcome, text };
}

/** Values go up to the next option. */
function endOfValues(words: readonly string[], start: number): number {
  let end = start;
  while (end < words.length && words[end] !== '!' && !/^--?[a-zA-Z]/.test(words[end] ?? '')) end++;
  return end;
}

function outcomeOf(option: '-j' | '-g', target: string, chains: ReadonlySet<string>): Outcome {
  if (target === CHAIN || target.startsWith(POD_PREFIX)) return { kind: 'accept' };
  if (chains.has(target)) return { kind: option === '-j' ? 'jump' : 'goto', chain: target };
  if (HARMLESS.has(target)) return { kind: 'none' };
  switch (target) {
    case 'ACCEPT':
      return { kind: 'accept' };
    case 'DROP':
    case 'REJECT':
      return { kind: 'drop' };
    case 'RETURN':
      return { kind: 'return' };
    default:
      return { kind: 'unknown' };
  }
}

function termOf(option: string, values: readonly string[], isNot: boolean): Term {
  const [value = ''] = values;
  const list = value.split(',');
  const not = isNot ? ({ not: true } as const) : {};
  if (values.length !== 1) return { kind: 'unknown' };
  switch (option) {
    case '-s':
      return { kind: 'saddr', prefixes: list, ...not };
    case '-d':
      return { kind: 'daddr', prefixes: list, ...not };
    case '--ctorigsrc':
      return { kind: 'original-saddr', prefixes: list, ...not };
    case '--ctorigdst':
      return { kind: 'original-daddr', prefixes: list, ...not };
    case '-i':
      return { kind: 'through', interfaces: [value.replace(/\+$/, '*')], ...not };
    case '-p':
      return { kind: 'protocol', protocols: list, ...not };
    case '--dport':
    case '--dports':
      return { kind: 'dport', ports: list.map(readPorts), ...not };
    case '--ctorigdstport':
      return { kind: 'original-dport', ports: list.map(readPorts), ...not };
    case '--state':
    case '--ctstate':
      return stateTerm(list, not);
    case '--dst-type':
      return value === 'LOCAL' ? { kind: 'local-destination', ...not } : { kind: 'unknown' };
    default:
      return { kind: 'unknown' };
  }
}

/** `DNAT` stands among states, and is one that a connection has besides. */
function stateTerm(states: readonly string[], not: { readonly not?: true }): Term {
  if (states.length === 1 && states[0] === 'DNAT') return { kind: 'translated', ...not };
  if (states.includes('DNAT') && !states.includes('NEW')) return { kind: 'unknown' };
  return { kind: 'state', states: states.map((state) => state.toLowerCase()), ...not };
}

function readPorts(text: string): readonly [number, number] {
  const [first = Number.NaN, last = first] = text.split(':').map(Number);
  return [first, last];
}
