/** One look at all of firewalld that decides who may come in, by whatever interface. */
import type { FirewallD1, Ruleset, ServiceDefinition } from './firewall-d1.ts';
import { ask, isRecord, NAME, strings } from './objects.ts';
import { parseRichRule } from './rich-rule.ts';
import { definitions, servicesOf } from './services.ts';

/** A zone that packets may be in. */
export interface Zone {
  readonly settings: Ruleset;
  /** Those that were put there; a `+` at the end is any end of a name. */
  readonly interfaces: readonly string[];
  /** Addresses, prefixes, MAC addresses, and ipsets as `ipset:NAME`. */
  readonly sources: readonly string[];
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
    activeZones(firewalld),
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

async function activeZones({ bus }: FirewallD1): Promise<ReadonlyMap<string, Pick<Zone, 'interfaces' | 'sources'>>> {
  const [active] = await ask(bus, `${NAME}.zone`, 'getActiveZones');
  return new Map(
    Object.entries(isRecord(active) ? active : {}).map(([name, members]) => {
      const { interfaces, sources } = isRecord(members) ? members : {};
      return [name, { interfaces: strings(interfaces), sources: strings(sources) }];
    }),
  );
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
