/** Tables of nftables beside those of firewalld: what one of them drops, firewalld cannot let in. */
import type { NftRunner } from '../../host/nft.ts';
import type { Opening, PodTraffic, Verdict } from '../backend.ts';
import { asked } from '../nftables/asked.ts';
import { type FilteringTable, isOfIptables, readRuleset } from '../nftables/read-ruleset.ts';
import type { Ruleset } from '../ruleset/model.ts';
import { podVerdict } from '../ruleset/pods.ts';
import { verdictsOf } from '../ruleset/verdict.ts';

/** By which packets come; undefined where there are several. */
export interface Beside {
  readonly nft: NftRunner;
  readonly interface: string | undefined;
}

/** For each opening what other tables surely do to it: `blocked`, or undefined. */
export async function blockedBeside(
  beside: Beside,
  openings: readonly Opening[],
): Promise<readonly (Verdict | undefined)[]> {
  const ruleset = await readBeside(beside);
  const verdicts = await verdictsOf(openings, { isOurs: () => false, ruleset, ...wayOf(beside) });
  return verdicts.map(onlyBlocked);
}

/** The same of what the node carries for pods. */
export async function podsBlockedBeside(beside: Beside, traffic: PodTraffic): Promise<Verdict | undefined> {
  const ruleset = await readBeside(beside);
  return onlyBlocked(podVerdict(traffic, { isOurs: false, ruleset, ...wayOf(beside) }));
}

const wayOf = ({ interface: name }: Beside) => (name === undefined ? {} : { interface: name });

const onlyBlocked = (verdict: Verdict): Verdict | undefined => (verdict.kind === 'blocked' ? verdict : undefined);

/** Tables of iptables are left out: firewalld may keep its own rules there. */
const readBeside = ({ nft }: Beside): Promise<Ruleset> =>
  asked(() => readRuleset(nft, (table) => !isOfFirewalld(table) && !isOfIptables(table)));

/** `firewalld`, and `firewalld_policy_drop` while it reloads. */
const isOfFirewalld = ({ name }: FilteringTable): boolean => name.startsWith('firewalld');
