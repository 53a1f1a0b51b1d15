/** Whether openings get through other people's rules, because of ours or anyway. */
import type { Opening, OpeningKind, Verdict } from '../backend.ts';
import type { BaseChain, Ruleset, RuleTable } from './model.ts';
import type { Packet } from './packet.ts';
import { type Passage, walk } from './walk.ts';

/** Sockets of this machine itself; all else is translated, and most of that forwarded. */
const SOCKETS: ReadonlySet<OpeningKind> = new Set<OpeningKind>(['health-check', 'heartbeats', 'api']);

/** Prefixes of sources of one opening that are looked at: others are as these, or lists that nobody reads. */
const MAX_SOURCES = 64;

/** Where packets are translated (NF_IP_PRI_NAT_DST). */
const TRANSLATION = -100;

/** One verdict for each opening. `isOurs`: what we put there has it. */
export function verdictsOf(
  openings: readonly Opening[],
  isOurs: (opening: Opening) => boolean,
  ruleset: Ruleset,
): readonly Verdict[] {
  return openings.map((opening) => verdictOf(opening, isOurs(opening), ruleset));
}

function verdictOf(opening: Opening, isOurs: boolean, ruleset: Ruleset): Verdict {
  if (opening.sources?.length === 0) return { kind: 'blocked', by: 'the Service, which admits nobody' };
  const isLimited = opening.sources?.every((prefix) => !prefix.endsWith('/0'));
  const sources = (isLimited && opening.sources?.slice(0, MAX_SOURCES)) || [undefined];
  // What holds for some holds for all, or the worst is told.
  return sources.map((source) => verdictFrom(opening, source, { isOurs, ruleset })).reduce(worse);
}

const RANKS: readonly Verdict['kind'][] = ['open-by-others', 'open-by-us', 'bypassed', 'unknown', 'blocked'];
const worse = (a: Verdict, b: Verdict): Verdict => (RANKS.indexOf(b.kind) > RANKS.indexOf(a.kind) ? b : a);

function verdictFrom(
  opening: Opening,
  source: string | undefined,
  { isOurs, ruleset }: { isOurs: boolean; ruleset: Ruleset },
): Verdict {
  const { family, address, protocol, port, kind } = opening;
  const packet = { family, address, protocol, port, ...(source === undefined ? {} : { source }) };
  const isSocket = SOCKETS.has(kind);
  const toSocket = (ours: boolean) => passage(ruleset, 'input', { ...packet, translated: false, ours });
  const onItsWay = (ours: boolean) =>
    isSocket ? toSocket(ours) : passage(ruleset, 'forward', { ...packet, translated: true, ours });

  const without = onItsWay(false);
  if (without.kind !== 'passes') return opened(without, isOurs ? onItsWay(true) : without);
  // Whether the administrator would have it so is told by the rules for what is not translated, as far as these can be read.
  const asked = isSocket ? without : toSocket(false);
  if (asked.kind === 'passes') return { kind: 'open-by-others', by: asked.by };
  if (isOurs && toSocket(true).kind === 'passes') return { kind: 'open-by-us' };
  return asked.kind === 'stopped' ? { kind: 'bypassed', by: asked.by } : { kind: 'open-by-others', by: without.by };
}

/** What does not pass without us. */
function opened(without: Passage, withUs: Passage): Verdict {
  if (withUs.kind === 'passes') return { kind: 'open-by-us' };
  if (withUs.kind === 'unknown') return { kind: 'unknown', why: withUs.why };
  return { kind: 'blocked', by: without.kind === 'stopped' ? without.by : withUs.by };
}

/** By all base chains on its way, the first that stops it decides. */
function passage(ruleset: Ruleset, hook: 'input' | 'forward', packet: Packet): Passage {
  const ways = onTheWay(ruleset, hook, packet).map(({ table, base }) =>
    walk(table, base, base.hook === 'prerouting' && base.priority <= TRANSLATION ? untranslated(packet) : packet),
  );
  return (
    ways.find(({ kind }) => kind === 'stopped') ??
    ways.find(({ kind }) => kind === 'unknown') ??
    ways.at(-1) ?? { kind: 'passes', by: 'no rule stops it' }
  );
}

const untranslated = (packet: Packet): Packet => ({ ...packet, translated: false });

function onTheWay(
  ruleset: Ruleset,
  hook: 'input' | 'forward',
  { family }: Packet,
): readonly { readonly table: RuleTable; readonly base: BaseChain }[] {
  return ruleset
    .filter(({ families }) => families.includes(family))
    .flatMap((table) => table.bases.map((base) => ({ table, base })))
    .filter(({ base }) => base.hook === hook || base.hook === 'prerouting')
    .sort(
      (a, b) =>
        Number(b.base.hook === 'prerouting') - Number(a.base.hook === 'prerouting') ||
        a.base.priority - b.base.priority,
    );
}
