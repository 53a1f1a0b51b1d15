/**
 * Rules as `nft list` prints them, read as far as verdicts need it: https://www.netfilter.org/projects/nftables/manpage.html.
 * What is not known leaves the rule with a term that may hold or not.
 */
import type { IPFamily } from '../../lib/ip.ts';
import type { Outcome, Rule, Term } from '../ruleset/model.ts';
import { prefixesOf } from '../ruleset/prefixes.ts';
import { readOurs } from './references.ts';
import { readList, readValue, tokens, unquoted, Words } from './words.ts';

/** One rule of text may stand for several: `vmap` has one for each of its entries. */
export function parseRule(text: string): readonly Rule[] {
  const shown = text.replace(/ counter packets \d+ bytes \d+| comment "[^"]*"/g, '');
  const words = new Words(tokens(text));
  const terms: Term[] = [];
  while (!words.isAtEnd()) {
    const outcome = readOutcome(words);
    if (outcome !== undefined) return [{ terms, outcome, text: shown }];
    if (skipHarmless(words)) continue;
    const read = readMatch(words);
    if (read === undefined)
      return [{ terms: [...terms, { kind: 'unknown' }], outcome: findOutcome(words), text: shown }];
    if ('map' in read) return mapRules(read, terms, shown);
    terms.push(...read.terms);
  }
  return [{ terms, outcome: { kind: 'none' }, text: shown }];
}

const VERDICTS: ReadonlySet<string> = new Set([
  'accept',
  'drop',
  'return',
  'continue',
  'queue',
  'reject',
  'jump',
  'goto',
]);

function readOutcome(words: Words): Outcome | undefined {
  const word = words.peek() ?? '';
  if (!VERDICTS.has(word)) return undefined;
  words.skip();
  return outcomeOf(word, words.peek());
}

function outcomeOf(word: string, next: string | undefined): Outcome {
  switch (word) {
    case 'accept':
    case 'drop':
    case 'return':
      return { kind: word };
    case 'reject':
      return { kind: 'drop' };
    case 'jump':
    case 'goto':
      return { kind: word, chain: unquoted(next ?? '') };
    case 'continue':
      return { kind: 'none' };
    default:
      return { kind: 'unknown' }; // A program decides about what is queued.
  }
}

/** What follows something that is not understood: its verdict, if that can be found. */
function findOutcome(words: Words): Outcome {
  while (!words.isAtEnd()) {
    const outcome = readOutcome(words);
    if (outcome !== undefined) return outcome;
    if (words.next() === 'vmap') return { kind: 'unknown' };
  }
  return { kind: 'none' };
}

/** Statements that let every packet go on. */
function skipHarmless(words: Words): boolean {
  if (words.take('counter', 'packets')) words.skip(3);
  else if (words.take('counter') || words.take('comment')) words.skip(words.peek(-1) === 'comment' ? 1 : 0);
  else if (words.take('log')) skipOptions(words, LOG_OPTIONS);
  else return false;
  return true;
}

const LOG_OPTIONS: ReadonlySet<string> = new Set(['prefix', 'level', 'group', 'snaplen', 'queue-threshold', 'flags']);

function skipOptions(words: Words, options: ReadonlySet<string>): void {
  while (options.has(words.peek() ?? '')) words.skip(2);
}

/** What a selector makes of the values that are compared with it. */
type Build = (values: readonly string[]) => readonly Term[] | undefined;

interface Selector {
  readonly words: readonly string[];
  readonly build: Build;
}

const ADDRESS_WORDS = { ip: 'IPv4', ip6: 'IPv6' } as const;

const SELECTORS: readonly Selector[] = [
  selector('ct state', (states) => [{ kind: 'state', states }]),
  selector('ct status', (bits) => (bits.length === 1 && bits[0] === 'dnat' ? [{ kind: 'translated' }] : undefined)),
  selector('meta l4proto', (protocols) => [{ kind: 'protocol', protocols }]),
  selector('ct original protocol', (protocols) => [{ kind: 'protocol', protocols }]),
  selector('ct original proto-dst', (values) => portsTerm('original-dport', values)),
  selector('th dport', (values) => portsTerm('dport', values)),
  ...(['tcp', 'udp', 'sctp'] as const).map((protocol) =>
    selector(`${protocol} dport`, (values) => {
      const ports = portsTerm('dport', values);
      return ports && [{ kind: 'protocol', protocols: [protocol] }, ...ports];
    }),
  ),
  selector('ip protocol', (protocols) => [FAMILY.IPv4, { kind: 'protocol', protocols }]),
  selector('ip6 nexthdr', (protocols) => [FAMILY.IPv6, { kind: 'protocol', protocols }]),
  ...(['saddr', 'daddr'] as const).flatMap((end) => [
    ...(['ip', 'ip6'] as const).flatMap((word) => [
      selector(`${word} ${end}`, (texts) => [
        FAMILY[ADDRESS_WORDS[word]],
        { kind: end, prefixes: texts.flatMap(prefixesOf) },
      ]),
      selector(`ct original ${word} ${end}`, (texts) => [
        FAMILY[ADDRESS_WORDS[word]],
        { kind: `original-${end}`, prefixes: texts.flatMap(prefixesOf) },
      ]),
    ]),
    // In a table of one family, nft does not say which.
    selector(`ct original ${end}`, (texts) => [{ kind: `original-${end}`, prefixes: texts.flatMap(prefixesOf) }]),
  ]),
  selector('meta nfproto', ([family]) =>
    family === 'ipv4' ? [FAMILY.IPv4] : family === 'ipv6' ? [FAMILY.IPv6] : undefined,
  ),
  ...['iifname', 'iif', 'meta iifname', 'meta iif'].map((words) =>
    selector(words, (names) => [{ kind: 'through', interfaces: names.map(unquoted) }]),
  ),
  selector('fib daddr type', ([type, ...more]) =>
    type === 'local' && more.length === 0 ? [{ kind: 'local-destination' }] : undefined,
  ),
  // ICMP begins none of the connections that are meant.
  ...['icmp type', 'icmpv6 type'].map((words) => selector(words, () => [{ kind: 'protocol', protocols: ['icmp'] }])),
];

const FAMILY: Readonly<Record<IPFamily, Term>> = {
  IPv4: { kind: 'family', family: 'IPv4' },
  IPv6: { kind: 'family', family: 'IPv6' },
};

function selector(words: string, build: Build): Selector {
  return { words: words.split(' '), build };
}

interface MapMatch {
  readonly build: Build;
  /** Keys, and the verdicts that they lead to. */
  readonly map: readonly (readonly [string, Outcome])[];
}

type MatchRead = { readonly terms: readonly Term[] } | MapMatch;

/** Undefined: it is not understood; nothing is said about where the words stand then. */
function readMatch(words: Words): MatchRead | undefined {
  const ours = readOurs(words);
  if (ours !== undefined) return { terms: [ours] };
  const found = SELECTORS.find((one) => words.take(...one.words));
  if (found === undefined) return undefined;
  if (words.take('vmap', '{')) return { build: found.build, map: readMap(words) };
  const not = words.take('!=');
  const values = words.take('{') ? readList(words) : readValue(words);
  const terms = values && found.build(values);
  if (terms === undefined) return undefined;
  // Of several terms the last is what is compared; those before say where it can be at all.
  return { terms: not ? terms.map((term, i) => (i === terms.length - 1 ? { ...term, not } : term)) : terms };
}

function readMap(words: Words): readonly (readonly [string, Outcome])[] {
  const entries: (readonly [string, Outcome])[] = [];
  while (!words.isAtEnd()) {
    const key = words.next();
    if (key === '}') break;
    words.take(':');
    const verdict = words.next().replace(/,$/, '');
    const target = verdict === 'jump' || verdict === 'goto' ? words.next().replace(/,$/, '') : undefined;
    entries.push([key, outcomeOf(verdict, target)]);
  }
  return entries;
}

function mapRules({ build, map }: MapMatch, before: readonly Term[], text: string): readonly Rule[] {
  return map.map(([key, outcome]) => ({
    terms: [...before, ...(build([key]) ?? [{ kind: 'unknown' } as const])],
    outcome,
    text,
  }));
}

function portsTerm(kind: 'dport' | 'original-dport', values: readonly string[]): readonly Term[] | undefined {
  const ports = values.map((text) => text.split('-').map(Number));
  // nft prints ports as numbers, unless it is asked for names.
  if (ports.some((range) => range.some((port) => !Number.isInteger(port)))) return undefined;
  return [{ kind, ports: ports.map(([first = 0, last = first]) => [first, last] as const) }];
}
