/** Whether a reload of firewalld would change nothing that its administrator made for now only, or for later only. */
import { isDeepStrictEqual } from 'node:util';
import type { FirewallD1 } from './firewall-d1.ts';
import { isManaged } from './network-manager.ts';
import { strings, variants } from './objects.ts';
import { POD_ZONE } from './pod-objects.ts';
import { PodSettings, type Settings } from './pod-settings.ts';
import { isOurs } from './rules.ts';

/** What a reload leaves as it is, or nobody notices; of interfaces see {@link strayInterface}. */
const KEPT: ReadonlySet<string> = new Set(['interfaces', 'version', 'short', 'description']);

/** The first that a reload would change, such as `zone public`; undefined: nothing. What is ours does not count. */
export async function unsettled(firewalld: FirewallD1): Promise<string | undefined> {
  const settings = new PodSettings(firewalld.bus);
  const conf = await settings.conf();
  if (conf['DefaultZone'] !== (await firewalld.defaultZone())) return 'default zone';
  const zones = await settings.settings('zone');
  const policies = await settings.settings('policy');
  for (const [kind, all] of [
    ['zone', zones],
    ['policy', policies],
    ['ipset', await settings.settings('ipset')],
  ] as const) {
    for (const [name, one] of all) if (!isOfOurs(name) && !isSame(one)) return `${kind} ${name}`;
  }
  const named = [...zones.values(), ...policies.values()].flatMap(({ now }) => strings(variants(now)['services']));
  for (const name of new Set(named)) if (!isSame(await settings.serviceSettings(name))) return `service ${name}`;
  // Firewalls of that setting keep these as they are.
  if (conf['FlushAllOnReload'] === 'no') return undefined;
  if (!isSame(await settings.directSettings())) return 'direct configuration';
  return strayInterface(firewalld, zones);
}

const isOfOurs = (name: string): boolean => name === POD_ZONE || name.startsWith(`${POD_ZONE}-`);

/** An interface that is in its zone for now only, and that nobody would put back there. */
async function strayInterface({ bus }: FirewallD1, zones: ReadonlyMap<string, Settings>): Promise<string | undefined> {
  for (const [name, { now, later }] of zones) {
    if (isOfOurs(name)) continue;
    const [here, there] = [now, later].map((one) => new Set(strings(variants(one)['interfaces'])));
    for (const one of here?.difference(there ?? new Set()) ?? []) {
      if (!(await isManaged(bus, one))) return `interface ${one} of zone ${name}`;
    }
  }
  return undefined;
}

const isSame = ({ now, later }: Settings): boolean => isDeepStrictEqual(essence(now), essence(later));

/** What is not said is as its default. Lists are in no order. */
function essence(settings: unknown): unknown {
  if (settings === undefined) return undefined;
  if (Array.isArray(settings)) return settings.map(sorted);
  return Object.entries(variants(settings))
    .map(([key, value]) => [key, sorted(value)] as const)
    .filter(([key, value]) => !KEPT.has(key) && !isDefault(value))
    .sort(([a], [b]) => (a < b ? -1 : 1));
}

function sorted(value: unknown): unknown {
  if (!Array.isArray(value)) return value;
  const others = value.filter((one) => typeof one !== 'string' || !isOurs(one));
  return others.map((one) => JSON.stringify(one)).sort();
}

const isDefault = (value: unknown): boolean =>
  value === false || value === '' || value === 'default' || (Array.isArray(value) && value.length === 0);
