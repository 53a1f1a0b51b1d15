/** One look at all of firewalld that decides who may come in, by whatever interface. */
import type { FirewallD1, Ruleset, ServiceDefinition, ZoneMembers } from './firewall-d1.ts';
import { ask, NAME, strings } from './objects.ts';
import { parseRichRule } from './rich-rule.ts';
import { definitions, servicesOf } from './services.ts';

/** A zone that packets may be in. */
export interface Zone extends ZoneMembers {
  readonly settings: Ruleset;
}

export interface Zones {
  /** Of all else. */
  readonly defaultZone: string;
  readonly zones: ReadonlyMap<string, Zone>;
  /** Every policy in force. */
  readonly policies: readonly Ruleset[];
  readonly services: ReadonlyMap<string, ServiceDefinition>;
  /** Entries of the ipsets that are named; undefined: of another type than addresses or prefixes, or too many. */
  readonly ipsets: ReadonlyMap<string, readonly string[] | undefined>;
}

export async function lookAtZones(firewalld: FirewallD1): Promise<Zones> {
  const [defaultZone, active, policies] = await Promise.all([
    firewalld.defaultZone(),
    firewalld.activeZones(),
    firewalld.policies(),
  ]);
  const names = new Set([defaultZone, ...active.keys()]);
  const settings = await Promise.all([...names].map((name) => firewalld.zone(name)));
  const zones = new Map(
    settings.map((one) => [one.name, { interfaces: [], sources: [], ...active.get(one.name), settings: one }]),
  );
  const rulesets = [...settings, ...policies];
  const sets = [...rulesets.flatMap(ipsetsOf), ...[...zones.values()].flatMap(({ sources }) => sources.flatMap(ipset))];
  const [services, ipsets] = await Promise.all([
    definitions(firewalld, rulesets.flatMap(servicesOf)),
    Promise.all([...new Set(sets)].map(async (name) => [name, await entriesOf(firewalld, name)] as const)),
  ]);
  return { defaultZone, zones, policies, services, ipsets: new Map(ipsets) };
}

/** The name of a source that is an ipset. */
export function ipset(source: string): readonly string[] {
  return source.startsWith('ipset:') ? [source.slice('ipset:'.length)] : [];
}

function ipsetsOf({ richRules }: Ruleset): readonly string[] {
  return richRules.flatMap((text) => {
    if (!text.includes('ipset')) return [];
    const { source, destination } = parseRichRule(text);
    return [source?.ipset, destination?.ipset].filter((name) => name !== undefined);
  });
}

/** Types of ipsets whose entries are addresses or prefixes alone. */
const PLAIN: ReadonlySet<unknown> = new Set(['hash:ip', 'hash:net']);
/** More are not told apart anyway. */
const MAX_ENTRIES = 512;

async function entriesOf({ bus }: FirewallD1, name: string): Promise<readonly string[] | undefined> {
  const [settings] = await ask(bus, `${NAME}.ipset`, 'getIPSetSettings', name);
  // Version, name, description, type, options, entries.
  const [, , , type, , entries] = Array.isArray(settings) ? settings : [];
  const all = strings(entries);
  return PLAIN.has(type) && all.length <= MAX_ENTRIES ? all : undefined;
}
