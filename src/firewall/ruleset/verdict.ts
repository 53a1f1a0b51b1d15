/** Whether openings get through other people's rules, because of ours or anyway. */
import { paced } from '../../host/paced.ts';
import type { Opening, OpeningKind, Verdict } from '../backend.ts';
import type { Ruleset } from './model.ts';
import { passage } from './passage.ts';
import type { Passage } from './walk.ts';

/** Sockets of this machine itself; all else is translated, and most of that forwarded. */
export const SOCKETS: ReadonlySet<OpeningKind> = new Set<OpeningKind>([
  'health-check',
  'proxy-health',
  'heartbeats',
  'vxlan',
  'api',
]);

/** Prefixes of sources of one opening that are looked at: others are as these, or lists that nobody reads. */
const MAX_SOURCES = 64;

/** What there is to look at. */
export interface Look {
  /** Whether what we put there has an opening. */
  readonly isOurs: (opening: Opening) => boolean;
  readonly ruleset: Ruleset;
  /** What clients come by. Undefined: what rules say of interfaces is not taken for a yes or a no. */
  readonly interface?: string;
  /**
   * What was opened is judged by what becomes of those whom no rule names by a prefix of theirs: a rule about some of those who come
   * decides for them alone. Default: such a rule leaves it open what becomes of all.
   */
  readonly apart?: true;
}

/** One verdict for each opening. */
export async function verdictsOf(openings: readonly Opening[], look: Look): Promise<readonly Verdict[]> {
  const verdicts: Verdict[] = [];
  const breathe = paced();
  for (const opening of openings) {
    verdicts.push(verdictOf(opening, look));
    await breathe();
  }
  return verdicts;
}

function verdictOf(opening: Opening, look: Look): Verdict {
  if (opening.sources?.length === 0) return { kind: 'blocked', by: 'the Service, which admits nobody' };
  const isLimited = opening.sources?.every((prefix) => !prefix.endsWith('/0'));
  const sources = (isLimited && opening.sources?.slice(0, MAX_SOURCES)) || [undefined];
  // What holds for some holds for all, or the worst is told.
  const isOurs = look.isOurs(opening);
  return sources.map((source) => verdictFrom(opening, source, { ...look, isOurs: () => isOurs })).reduce(worse);
}

const RANKS: readonly Verdict['kind'][] = ['open-by-others', 'open-by-us', 'bypassed', 'unknown', 'blocked'];
/** Of two verdicts the one that lets in less, or of which less is known. */
export const worse = (a: Verdict, b: Verdict): Verdict => (RANKS.indexOf(b.kind) > RANKS.indexOf(a.kind) ? b : a);

function verdictFrom(opening: Opening, source: string | undefined, look: Look): Verdict {
  const { family, address, protocol, port, kind, policy } = opening;
  const { ruleset } = look;
  const isOurs = look.isOurs(opening);
  const by = look.interface === undefined ? {} : { interface: look.interface };
  const apart = look.apart && policy === 'managed' ? { apart: true as const } : {};
  const packet = { family, address, protocol, port, ...by, ...apart, ...(source === undefined ? {} : { source }) };
  const isSocket = SOCKETS.has(kind);
  const toSocket = (ours: boolean) => passage(ruleset, 'input', { ...packet, translated: false, ours });
  const onItsWay = (ours: boolean) =>
    isSocket ? toSocket(ours) : passage(ruleset, 'forward', { ...packet, translated: true, ours });

  const without = onItsWay(false);
  if (policy === 'enforce' && isOurs) return enforced(isSocket ? without : toSocket(false), without);
  if (without.kind !== 'passes') return opened(without, isOurs ? onItsWay(true) : without);
  // Whether the administrator would have it so is told by the rules for what is not translated, as far as these can be read.
  const asked = isSocket ? without : toSocket(false);
  if (asked.kind === 'passes') return { kind: 'open-by-others', by: asked.by };
  if (isOurs && toSocket(true).kind === 'passes') return { kind: 'open-by-us' };
  return asked.kind === 'stopped' ? { kind: 'bypassed', by: asked.by } : { kind: 'open-by-others', by: without.by };
}

/** What we guard passes where it would come in, and where it is forwarded; a socket where it comes in. */
function enforced(asked: Passage, onItsWay: Passage): Verdict {
  const both = [asked, onItsWay];
  for (const one of both) if (one.kind === 'stopped') return { kind: 'blocked', by: one.by };
  for (const one of both) if (one.kind === 'unknown') return one;
  return { kind: 'open-by-others', by: asked.kind === 'unknown' ? asked.why : asked.by };
}

/** What does not pass without us. */
function opened(without: Passage, withUs: Passage): Verdict {
  if (withUs.kind === 'passes') return { kind: 'open-by-us' };
  if (withUs.kind === 'unknown') return { kind: 'unknown', why: withUs.why };
  return { kind: 'blocked', by: without.kind === 'stopped' ? without.by : withUs.by };
}
