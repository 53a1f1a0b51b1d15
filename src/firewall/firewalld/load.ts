/**
 * Our rules put into zones. firewalld takes some 8 ms for each that is to apply at once, and nothing puts many there in one call but a
 * reload: so a great many go into the permanent configuration, which is then put in force, where that takes nothing else away.
 */
import type { FirewallD1 } from './firewall-d1.ts';
import type { RichRules } from './rich-rules.ts';
import { isOurs } from './rules.ts';
import { unsettled } from './settled.ts';

/** With fewer rules to add and remove, one by one is as fast, and disturbs nobody. */
const MANY = 100;

/** Makes ours in these zones exactly the wanted rules, and in all others none: now and after a reload. */
export async function loadRules(
  firewalld: FirewallD1,
  zones: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
  { mayReload }: { readonly mayReload: boolean },
): Promise<void> {
  if (mayReload && (await isWorthReload(firewalld, zones, wanted))) {
    await replaceRules(firewalld.permanent, zones, wanted);
    await firewalld.reload();
  }
  await replaceRules(firewalld.runtime, zones, wanted);
  await replaceRules(firewalld.permanent, zones, wanted);
}

/** Where what applies now is what applies after a reload, but for what is ours. In panic mode nothing is to change. */
async function isWorthReload(
  firewalld: FirewallD1,
  zones: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
): Promise<boolean> {
  let differing = 0;
  for (const zone of await firewalld.runtime.zones()) {
    const there = new Set((await firewalld.runtime.of(zone)).filter(isOurs));
    differing += there.symmetricDifference(zones.has(zone) ? wanted : new Set()).size;
  }
  if (differing < MANY || (await firewalld.isPanicking())) return false;
  return (await unsettled(firewalld)) === undefined;
}

/** The same in one of the two. Zones that are not there are passed over. */
async function replaceRules(rules: RichRules, zones: ReadonlySet<string>, wanted: ReadonlySet<string>): Promise<void> {
  for (const zone of await rules.zones()) {
    const there = new Set((await rules.of(zone)).filter(isOurs));
    const here = zones.has(zone) ? wanted : new Set<string>();
    await rules.change(zone, [...here.difference(there)], [...there.difference(here)]);
  }
}
