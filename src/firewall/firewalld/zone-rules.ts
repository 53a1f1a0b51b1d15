/**
 * What firewalld's zones and policies do to packets that come in, as rules: in the order in which it puts them into the kernel. Pure.
 */
import { IP_FAMILIES } from '../../lib/ip.ts';
import type { Chain, Rule, Ruleset as Rules, Term } from '../ruleset/model.ts';
import type { Ruleset, ServiceDefinition } from './firewall-d1.ts';
import { type End, parseRichRule, type RichRule } from './rich-rule.ts';
import { isOurs } from './rules.ts';
import { ipset, type Zone, type Zones } from './zones.ts';

/** The rules, and the interfaces of each zone that has any. */
export interface ZoneRules {
  readonly rules: Rules;
  readonly ways: readonly (readonly string[])[];
}

const INPUT = 'zones';
const UNKNOWN: Term = { kind: 'unknown' };
/** firewalld's priority of its chains, behind whatever filters at the usual one. */
const PRIORITY = 10;

/** `ours`: the zone in which our rules count, which stand for what is open by us; absent: nowhere. */
export function zoneRules(look: Zones, { ours }: { readonly ours?: string } = {}): ZoneRules {
  // One order for one state, whatever the order of answers.
  const zones = [...look.zones.values()].toSorted((a, b) => (a.settings.name < b.settings.name ? -1 : 1));
  const ways = zones.map(({ interfaces }) => interfaces.map(wildcard).toSorted()).filter(({ length }) => length > 0);
  const chains: readonly Chain[] = [
    { name: INPUT, rules: dispatch(look, zones) },
    ...look.policies.map((policy) => ({ name: chainName(policy), rules: [...own(policy, look), ...target(policy)] })),
    ...zones.map(({ settings }) => ({
      name: chainName(settings),
      rules: zoneChain(settings, look, settings.name === ours),
    })),
  ];
  const table = {
    ...{ name: 'firewalld', families: IP_FAMILIES },
    bases: [{ chain: INPUT, hook: 'input', priority: PRIORITY, policy: 'drop' } as const],
    chains: new Map(chains.map((chain) => [chain.name, chain])),
  };
  return { rules: [table], ways };
}

/** As the model of rules has them. */
const wildcard = (name: string): string => name.replace(/\+$/, '*');
const chainName = ({ kind, name }: Ruleset): string => `${kind} ${name}`;
const placeOf = (ruleset: Ruleset): string => `${chainName(ruleset)} of firewalld`;

/** By source first, then by interface, and all else to the default zone. */
function dispatch(look: Zones, zones: readonly Zone[]): readonly Rule[] {
  const to = ({ settings }: Zone) => ({ kind: 'goto', chain: chainName(settings) }) as const;
  const bySource = zones.flatMap((zone) =>
    zone.sources.map((text): Rule => {
      const place = `source ${text} of ${placeOf(zone.settings)}`;
      return { terms: [sourceTerm(text, look)], outcome: to(zone), text, place };
    }),
  );
  // One name counts more than those that only begin like it.
  const byInterface = zones
    .flatMap((zone) => zone.interfaces.map((name) => ({ zone, name: wildcard(name) })))
    .toSorted((a, b) => Number(a.name.endsWith('*')) - Number(b.name.endsWith('*')))
    .map(
      ({ zone, name }): Rule => ({ terms: [{ kind: 'through', interfaces: [name] }], outcome: to(zone), text: name }),
    );
  const last = look.zones.get(look.defaultZone);
  return [...bySource, ...byInterface, ...(last ? [{ terms: [], outcome: to(last), text: 'the default zone' }] : [])];
}

function sourceTerm(text: string, { ipsets }: Zones): Term {
  const [name] = ipset(text);
  const prefixes = name === undefined ? [text] : ipsets.get(name);
  return prefixes === undefined || prefixes.some(isMac) ? UNKNOWN : { kind: 'saddr', prefixes };
}

const isMac = (text: string): boolean => /^([\da-f]{2}:){5}[\da-f]{2}$/i.test(text);

/** Policies come before the zone, or after it and before its target. */
function zoneChain(zone: Ruleset, look: Zones, hasOurs: boolean): readonly Rule[] {
  const policies = look.policies
    .filter(({ ingressZones }) => ingressZones.includes('ANY') || ingressZones.includes(zone.name))
    .filter(({ egressZones }) => egressZones.includes('HOST'))
    .toSorted((a, b) => a.priority - b.priority || (a.name < b.name ? -1 : 1));
  const jump = (policy: Ruleset): Rule => ({
    terms: [],
    outcome: { kind: 'jump', chain: chainName(policy) },
    text: policy.name,
  });
  return [
    ...policies.filter(({ priority }) => priority < 0).map(jump),
    ...own(zone, look),
    ...(hasOurs ? OURS : []),
    ...policies.filter(({ priority }) => priority >= 0).map(jump),
    ...target(zone),
  ];
}

/** One for all rules of ours, which are a zone's last: whether they have an opening is known otherwise. */
const OURS: readonly Rule[] = IP_FAMILIES.map((family) => ({
  terms: [{ kind: 'ours', family, by: 'original' }],
  outcome: { kind: 'accept' },
  text: 'ours',
}));

function target(ruleset: Ruleset): readonly Rule[] {
  const { target: what } = ruleset;
  const [text, where] = [`target ${what}`, placeOf(ruleset)];
  if (what === 'CONTINUE') return [];
  if (what === 'ACCEPT') return [{ terms: [], outcome: { kind: 'accept' }, text, place: `${text} of ${where}` }];
  const does = what === 'DROP' ? 'drops' : 'refuses';
  return [{ terms: [], outcome: { kind: 'drop' }, text, place: `${where}, which ${does} what it does not name` }];
}

/** Refusals before acceptances; rules with a priority of their own before or after these. Without ours. */
function own(ruleset: Ruleset, look: Zones): readonly Rule[] {
  const { richRules, services, ports, protocols } = ruleset;
  const where = placeOf(ruleset);
  const rich = richRules
    .filter((text) => !isOurs(text))
    .map(parseRichRule)
    .filter(({ action, element }) => action !== undefined && element?.kind !== 'other')
    .toSorted((a, b) => a.priority - b.priority || rank(a) - rank(b));
  const compiled = (rules: readonly RichRule[]) =>
    rules.flatMap((one) => richRule(one, look)).map((rule): Rule => ({ ...rule, place: `${rule.text}, in ${where}` }));
  const named = (text: string, all: readonly (readonly Term[])[]) =>
    all.map((terms): Rule => ({ terms, outcome: { kind: 'accept' }, text, place: `${text} of ${where}` }));
  return [
    ...compiled(rich.filter(({ priority }) => priority <= 0)),
    ...services.flatMap((name) => named(`service ${name}`, serviceTerms(name, look.services))),
    ...ports.flatMap(([port, protocol]) => named(`port ${port}/${protocol}`, [portTerms(port, protocol)])),
    ...protocols.flatMap((name) => named(`protocol ${name}`, [[{ kind: 'protocol', protocols: [name] }]])),
    ...compiled(rich.filter(({ priority }) => priority > 0)),
  ];
}

/** Only of rules without a priority are refusals tried first. */
const rank = ({ action, priority }: RichRule): number => (priority === 0 && action === 'accept' ? 1 : 0);

function richRule(rule: RichRule, look: Zones): readonly Rule[] {
  const { family, source, destination, limited, text, action } = rule;
  const common: readonly Term[] = [
    ...(family === undefined ? [] : [{ kind: 'family', family: family === 'ipv4' ? 'IPv4' : 'IPv6' } as const]),
    ...(source === undefined ? [] : [endTerm('saddr', source, look)]),
    ...(destination === undefined ? [] : [endTerm('daddr', destination, look)]),
    ...(limited ? [UNKNOWN] : []),
  ];
  const outcome = { kind: action === 'accept' ? 'accept' : 'drop' } as const;
  return elementTerms(rule, look.services).map((terms) => ({ terms: [...common, ...terms], outcome, text }));
}

function endTerm(kind: 'saddr' | 'daddr', { prefix, ipset: name, inverted }: End, { ipsets }: Zones): Term {
  const prefixes = prefix !== undefined ? [prefix] : name === undefined ? undefined : ipsets.get(name);
  return prefixes === undefined ? UNKNOWN : { kind, prefixes, ...(inverted ? { not: true } : {}) };
}

/** What each of the rules is for that one stands for. */
function elementTerms({ element }: RichRule, services: Zones['services']): readonly (readonly Term[])[] {
  switch (element?.kind) {
    case 'port':
      return [portTerms(element.port, element.protocol)];
    case 'protocol':
      return [[{ kind: 'protocol', protocols: [element.protocol] }]];
    case 'service':
      return serviceTerms(element.name, services);
    default:
      return [[]];
  }
}

function portTerms(port: string, protocol: string): readonly Term[] {
  const is: Term = { kind: 'protocol', protocols: [protocol] };
  if (port === '') return [is];
  const [first = Number.NaN, last = first] = port.split('-').map(Number);
  return [is, { kind: 'dport', ports: [[first, last]] }];
}

/** A service, and those that it includes; each once. */
function serviceTerms(
  name: string,
  services: ReadonlyMap<string, ServiceDefinition>,
  seen = new Set<string>(),
): readonly (readonly Term[])[] {
  const service = services.get(name);
  if (service === undefined || seen.has(name)) return [];
  seen.add(name);
  const doubt = service.hasDestinations ? [UNKNOWN] : [];
  return [
    ...service.ports.map(([port, protocol]) => [...portTerms(port, protocol), ...doubt]),
    ...service.protocols.map((one): readonly Term[] => [{ kind: 'protocol', protocols: [one] }, ...doubt]),
    ...service.includes.flatMap((one) => serviceTerms(one, services, seen)),
  ];
}
