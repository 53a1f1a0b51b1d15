/** Whether firewalld lets by what a node carries for pods. */
import type { PodTraffic, Verdict } from '../backend.ts';
import type { FirewallD1 } from './firewall-d1.ts';
import { POD_ZONE, podObjects, sameMembers } from './pod-objects.ts';
import { PodSettings } from './pod-settings.ts';

/** Ours by the zone of the bridge, our policies and their sets; a zone that the administrator put it into decides by itself. */
export async function podVerdict(firewalld: FirewallD1, traffic: PodTraffic): Promise<Verdict> {
  if (await firewalld.isPanicking()) return { kind: 'blocked', by: 'panic mode of firewalld' };
  const assigned = await firewalld.assignedZone(traffic.bridge);
  const name = assigned ?? (await firewalld.defaultZone());
  const where = `zone ${name} of firewalld, in which ${traffic.bridge} is`;
  if (assigned === POD_ZONE) {
    return (await isWhole(new PodSettings(firewalld.bus), traffic))
      ? { kind: 'open-by-us' }
      : { kind: 'blocked', by: `${where}, without all that it needs` };
  }
  if (assigned !== undefined) return { kind: 'unknown', why: where };
  const { target } = await firewalld.zone(name);
  return target === 'ACCEPT'
    ? { kind: 'open-by-others', by: `target ACCEPT of ${where}` }
    : { kind: 'blocked', by: where };
}

async function isWhole(settings: PodSettings, traffic: PodTraffic): Promise<boolean> {
  const { policies, ipsets } = podObjects(traffic);
  const [there, sets] = [await settings.inForce('policy'), await settings.inForce('ipset')];
  if (![...policies.keys()].every((name) => there.includes(name))) return false;
  for (const [name, { entries }] of ipsets) {
    if (!sets.includes(name) || !sameMembers(await settings.entries(name), entries)) return false;
  }
  return true;
}
