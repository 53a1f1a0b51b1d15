/**
 * What nodes carry for pods, let by by firewalld. Zones, policies and ipsets can be made only with a reload, which takes away what the
 * administrator made for now only: so it is done only where it takes nothing away, and once on a machine. Afterwards only entries
 * of sets change, which apply at once.
 */
import type { PodPassage, PodTraffic } from '../backend.ts';
import type { FirewallD1 } from './firewall-d1.ts';
import { POD_IPSETS, POD_POLICIES, POD_ZONE, type PodObjects, podObjects, sameMembers } from './pod-objects.ts';
import { type Kind, PodSettings } from './pod-settings.ts';
import { unsettled } from './settled.ts';

const DONE: PodPassage = { kind: 'done' };

/** Makes what of ours is there for pods just this. Throws FirewallError. */
export async function letPods(firewalld: FirewallD1, traffic: PodTraffic | undefined): Promise<PodPassage> {
  const settings = new PodSettings(firewalld.bus);
  if (traffic === undefined) return forgetPods(firewalld, settings);
  const zone = await firewalld.assignedZone(traffic.bridge);
  if (zone !== undefined && zone !== POD_ZONE) {
    return {
      kind: 'left',
      why: `${traffic.bridge} was put into zone ${zone} of firewalld, which decides; take it out for Postern to do that`,
    };
  }
  const objects = podObjects(traffic);
  await makePermanent(settings, objects);
  if (!(await isInForce(settings))) {
    const refused = await reloadIfSettled(firewalld);
    if (refused !== undefined) return refused;
  }
  for (const [name, { entries }] of objects.ipsets) {
    if (!sameMembers(await settings.entries(name), entries)) await settings.setEntries(name, entries);
  }
  if ((await firewalld.assignedZone(traffic.bridge)) === undefined)
    await firewalld.addInterface(POD_ZONE, traffic.bridge);
  return DONE;
}

/** What is there of ours already is taken for what it was made to be; only entries differ from time to time. */
async function makePermanent(settings: PodSettings, { zone, policies, ipsets }: PodObjects): Promise<void> {
  const [zones, allPolicies, allIPSets] = [
    await settings.permanent('zone'),
    await settings.permanent('policy'),
    await settings.permanent('ipset'),
  ];
  for (const [name, ipset] of ipsets) {
    if (!allIPSets.includes(name)) await settings.addIPSet(name, ipset);
    else if (!sameMembers(await settings.permanentEntries(name), ipset.entries)) {
      await settings.setPermanentEntries(name, ipset.entries);
    }
  }
  if (!zones.includes(POD_ZONE)) await settings.addZone(POD_ZONE, zone);
  for (const [name, policy] of policies) if (!allPolicies.includes(name)) await settings.addPolicy(name, policy);
}

const OURS: readonly (readonly [Kind, readonly string[]])[] = [
  ['policy', POD_POLICIES],
  ['zone', [POD_ZONE]],
  ['ipset', POD_IPSETS],
];

async function isInForce(settings: PodSettings): Promise<boolean> {
  for (const [kind, names] of OURS) {
    const there = await settings.inForce(kind);
    if (!names.every((name) => there.includes(name))) return false;
  }
  return true;
}

/** Undefined: it was reloaded. */
async function reloadIfSettled(firewalld: FirewallD1): Promise<PodPassage | undefined> {
  const differs = await unsettled(firewalld);
  if (differs !== undefined) {
    const remedy = 'keep what applies now with firewall-cmd --runtime-to-permanent, or not; then firewall-cmd --reload';
    return { kind: 'left', why: `firewalld has to be reloaded, and its ${differs} would be another then: ${remedy}` };
  }
  await firewalld.reload();
  return undefined;
}

/** Takes away what of ours is there. Without a reload, what is left of it lets nobody by. */
async function forgetPods(firewalld: FirewallD1, settings: PodSettings): Promise<PodPassage> {
  for (const [kind, names] of OURS) {
    const there = await settings.permanent(kind);
    for (const name of names) if (there.includes(name)) await settings.remove(kind, name);
  }
  const left = await Promise.all(OURS.map(async ([kind, names]) => overlap(await settings.inForce(kind), names)));
  if (left.every((names) => names.length === 0)) return DONE;
  const [, zones = [], ipsets = []] = left;
  for (const name of ipsets) await settings.setEntries(name, []);
  if (zones.length > 0) {
    for (const name of await firewalld.interfacesOf(POD_ZONE)) await firewalld.removeInterface(POD_ZONE, name);
  }
  return (await reloadIfSettled(firewalld)) ?? DONE;
}

const overlap = (a: readonly string[], b: readonly string[]): readonly string[] => a.filter((one) => b.includes(one));
