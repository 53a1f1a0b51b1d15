/**
 * Whether firewalld lets an opening in, decided from its rules as the kernel would: policies before the zone, the zone's rules in
 * their order, policies after it, the zone's target. Pure.
 */
import { cidrContains, mustParseIP, parseCIDR } from '../../lib/ip.ts';
import type { Opening, Verdict } from '../backend.ts';
import type { Ruleset, ServiceDefinition } from './firewall-d1.ts';
import { type End, hasPort, isProtocol, parseRichRule, type RichRule } from './rich-rule.ts';
import { isOurs, richRules } from './rules.ts';

/** What one look at firewalld showed, for one zone of an interface. */
export interface View {
  readonly zone: Ruleset;
  /** Every policy in force. */
  readonly policies: readonly Ruleset[];
  readonly services: ReadonlyMap<string, ServiceDefinition>;
  /** Whether firewalld judges what others' address translation forwards: `StrictForwardPorts`, since 2.3. */
  readonly strict: boolean;
  /**
   * The zone that the guests' bridge was put into; undefined when it is in none: firewalld forwards within a zone to interfaces
   * that were put there, and to no others.
   */
  readonly guests: string | undefined;
  /** Whether panic mode drops everything. */
  readonly panic: boolean;
}

/** How much of an opening's traffic something is about. `unclear`: what decides is not understood. */
type Share = 'none' | 'some' | 'all' | 'unclear';

const PANIC: Verdict = { kind: 'blocked', by: 'panic mode of firewalld' };
const LETS_BY = 'firewalld, which accepts what is translated before it (StrictForwardPorts is not set)';

/** A verdict for each opening; `enforced`: of those that are guarded, what zones say of whoever comes. */
export function verdicts(
  view: View,
  openings: readonly Opening[],
  enforced: ReadonlyMap<Opening, Verdict> = new Map(),
): readonly Verdict[] {
  if (view.panic) return openings.map(() => PANIC);
  const rulesets = prepare(view);
  return openings.map((opening) => {
    if (opening.sources?.length === 0) return { kind: 'blocked', by: 'its sources: nobody may come' };
    const own = enforced.get(opening);
    if (own?.kind === 'blocked') return own;
    const judged = own ?? judge(rulesets, opening);
    if (!isTranslated(opening)) return judged;
    if (view.strict) return forwarded(view);
    if (own !== undefined) return own;
    return judged.kind === 'blocked' || judged.kind === 'unknown' ? { kind: 'bypassed', by: LETS_BY } : judged;
  });
}

/** Whether the proxy translates it before firewalld sees it. */
function isTranslated({ kind }: Opening): boolean {
  return kind === 'node-port' || kind === 'load-balancer' || kind === 'external-ip';
}

/** What becomes of translated packets when firewalld judges them: rules for ports of this machine do not see them. */
function forwarded({ zone, guests, policies }: View): Verdict {
  if (guests === zone.name && zone.forward)
    return { kind: 'open-by-others', by: `forwarding within zone ${zone.name} of firewalld` };
  const between = policies.find((policy) => isBetween(policy, zone.name, guests));
  if (between !== undefined)
    return { kind: 'unknown', why: `policy ${between.name} of firewalld decides what is forwarded to guests` };
  return {
    kind: 'blocked',
    by: `StrictForwardPorts=yes in firewalld.conf, with no policy that lets zone ${zone.name} reach ${guests === undefined ? 'guests' : `zone ${guests}`}`,
  };
}

function isBetween({ ingressZones, egressZones }: Ruleset, from: string, to: string | undefined): boolean {
  const names = (zones: readonly string[], zone: string | undefined) =>
    zones.includes('ANY') || (zone === undefined ? zones.some((one) => one !== 'HOST') : zones.includes(zone));
  return names(ingressZones, from) && names(egressZones, to);
}

/** A ruleset with its rich rules read, in the order in which they are tried. */
interface Prepared {
  readonly where: string;
  readonly ruleset: Ruleset;
  readonly before: readonly RichRule[];
  readonly refusals: readonly RichRule[];
  readonly acceptances: readonly RichRule[];
  readonly after: readonly RichRule[];
  readonly ours: ReadonlySet<string>;
  readonly services: ReadonlyMap<string, ServiceDefinition>;
}

function prepare({ zone, policies, services }: View): readonly Prepared[] {
  const atHost = policies
    .filter(({ ingressZones }) => ingressZones.includes('ANY') || ingressZones.includes(zone.name))
    .filter(({ egressZones }) => egressZones.includes('HOST'))
    .sort((a, b) => a.priority - b.priority);
  const early = atHost.filter(({ priority }) => priority < 0);
  const late = atHost.filter(({ priority }) => priority >= 0);
  // A zone's target comes after the policies that come after the zone.
  const target: Ruleset = { ...zone, services: [], ports: [], protocols: [], richRules: [] };
  return [...early, { ...zone, target: 'CONTINUE' }, ...late, target].map((one) => prepareOne(one, services));
}

function prepareOne(ruleset: Ruleset, services: ReadonlyMap<string, ServiceDefinition>): Prepared {
  const rules = ruleset.richRules
    .filter((text) => !isOurs(text))
    .map(parseRichRule)
    .filter(({ action, element }) => action !== undefined && element?.kind !== 'other')
    .sort((a, b) => a.priority - b.priority);
  const plain = rules.filter(({ priority }) => priority === 0);
  return {
    where: `${ruleset.kind} ${ruleset.name} of firewalld`,
    ruleset,
    services,
    before: rules.filter(({ priority }) => priority < 0),
    refusals: plain.filter(({ action }) => action === 'refuse'),
    acceptances: plain.filter(({ action }) => action === 'accept'),
    after: rules.filter(({ priority }) => priority > 0),
    ours: new Set(ruleset.richRules.filter(isOurs)),
  };
}

function judge(rulesets: readonly Prepared[], opening: Opening): Verdict {
  for (const prepared of rulesets) {
    const verdict = judgeOne(prepared, opening);
    if (verdict !== undefined) return verdict;
  }
  return { kind: 'unknown', why: 'no zone of firewalld decides' };
}

/** What a ruleset decides; undefined when it leaves it to the next. */
function judgeOne(prepared: Prepared, opening: Opening): Verdict | undefined {
  const { before, refusals, acceptances, after, ours, ruleset, where } = prepared;
  return (
    firstMatch(prepared, before, opening) ??
    firstMatch(prepared, refusals, opening) ??
    firstMatch(prepared, acceptances, opening) ??
    namedPort(prepared, opening) ??
    firstMatch(prepared, after, opening) ??
    (opening.policy === 'managed' && richRules(opening).every((rule) => ours.has(rule))
      ? { kind: 'open-by-us' }
      : targetVerdict(ruleset.target, where))
  );
}

function targetVerdict(target: string, where: string): Verdict | undefined {
  if (target === 'CONTINUE') return undefined;
  if (target === 'ACCEPT') return { kind: 'open-by-others', by: `target ACCEPT of ${where}` };
  const does = target === 'DROP' ? 'drops' : 'refuses';
  return { kind: 'blocked', by: `${where}, which ${does} what it does not name` };
}

/** What the first rule decides that is about all of the opening. One about some of those who come decides for them alone. */
function firstMatch(prepared: Prepared, rules: readonly RichRule[], opening: Opening): Verdict | undefined {
  for (const rule of rules) {
    const share = shareOf(rule, opening, prepared.services);
    const by = `${rule.text}, in ${prepared.where}`;
    if (share === 'unclear') return { kind: 'unknown', why: by };
    if (share === 'all') return rule.action === 'accept' ? { kind: 'open-by-others', by } : { kind: 'blocked', by };
  }
  return undefined;
}

/** Ports, services and protocols that a ruleset lets in for everyone. */
function namedPort({ ruleset, services, where }: Prepared, opening: Opening): Verdict | undefined {
  const open = (by: string): Verdict => ({ kind: 'open-by-others', by: `${by} of ${where}` });
  const port = ruleset.ports.find((one) => isPort(one, opening));
  if (port !== undefined) return open(`port ${port.join('/')}`);
  const protocol = ruleset.protocols.find((one) => isProtocol(one, opening.protocol));
  if (protocol !== undefined) return open(`protocol ${protocol}`);
  const service = ruleset.services.find((one) => serviceShare(one, opening, services) === 'all');
  if (service !== undefined) return open(`service ${service}`);
  const unclear = ruleset.services.find((one) => serviceShare(one, opening, services) === 'unclear');
  return unclear === undefined ? undefined : { kind: 'unknown', why: `service ${unclear} of ${where}` };
}

function isPort([range, protocol]: readonly [string, string], opening: Opening): boolean {
  return isProtocol(protocol, opening.protocol) && hasPort(range, opening.port);
}

function shareOf(rule: RichRule, opening: Opening, services: ReadonlyMap<string, ServiceDefinition>): Share {
  if (rule.family !== undefined && rule.family !== opening.family.toLowerCase()) return 'none';
  const about = elementShare(rule, opening, services);
  const shares = [about, destinationShare(rule.destination, opening), sourceShare(rule.source, opening)];
  if (shares.includes('none')) return 'none';
  if (shares.includes('unclear') || rule.limited) return 'unclear';
  return shares.includes('some') ? 'some' : 'all';
}

function elementShare({ element }: RichRule, opening: Opening, services: View['services']): Share {
  switch (element?.kind) {
    case undefined:
      return 'all';
    case 'port':
      return isPort([element.port, element.protocol], opening) ? 'all' : 'none';
    case 'protocol':
      return isProtocol(element.protocol, opening.protocol) ? 'all' : 'none';
    case 'service':
      return serviceShare(element.name, opening, services);
    case 'other':
      return 'none';
  }
}

/** A service, and those that it includes; each is looked at once. */
function serviceShare(name: string, opening: Opening, services: View['services'], seen = new Set<string>()): Share {
  const service = services.get(name);
  if (service === undefined || seen.has(name)) return 'none';
  seen.add(name);
  const named =
    service.ports.some((port) => isPort(port, opening)) ||
    service.protocols.some((one) => isProtocol(one, opening.protocol));
  if (named) return service.hasDestinations ? 'unclear' : 'all';
  const included = service.includes.map((one) => serviceShare(one, opening, services, seen));
  return included.includes('all') ? 'all' : included.includes('unclear') ? 'unclear' : 'none';
}

function destinationShare(end: End | undefined, { address }: Opening): Share {
  if (end === undefined) return 'all';
  const cidr = end.prefix === undefined ? undefined : prefix(end.prefix);
  if (cidr === undefined) return 'unclear';
  const within = cidrContains(cidr, mustParseIP(address));
  return within !== end.inverted ? 'all' : 'none';
}

function sourceShare(end: End | undefined, { sources, family }: Opening): Share {
  if (end === undefined) return 'all';
  const cidr = end.prefix === undefined ? undefined : prefix(end.prefix);
  if (cidr === undefined) return 'unclear';
  if (cidr.base.family !== family) return end.inverted ? 'all' : 'none';
  const shares = (sources ?? [family === 'IPv4' ? '0.0.0.0/0' : '::/0']).map((source): Share => {
    const whose = prefix(source);
    if (whose === undefined) return 'unclear';
    if (whose.prefix >= cidr.prefix) return cidrContains(cidr, whose.base) ? 'all' : 'none';
    return cidrContains(whose, cidr.base) ? 'some' : 'none';
  });
  const inverse: Readonly<Record<Share, Share>> = { none: 'all', some: 'some', all: 'none', unclear: 'unclear' };
  const turned = end.inverted ? shares.map((share) => inverse[share]) : shares;
  const [first = 'none'] = turned;
  return turned.includes('unclear') ? 'unclear' : turned.every((share) => share === first) ? first : 'some';
}

/** A prefix, or an address as one. */
function prefix(text: string): ReturnType<typeof parseCIDR> {
  return parseCIDR(text) ?? parseCIDR(`${text}/${text.includes(':') ? 128 : 32}`);
}
