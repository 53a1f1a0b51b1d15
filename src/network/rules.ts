/** All of the pod network's tables of nftables together: put in place, put back when somebody took them away, removed. */
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { NetlinkError } from '../host/netlink-dump.ts';
import type { RuleFamily } from '../host/nft-rules.ts';
import { seconds } from '../lib/duration.ts';
import { type Egress, printEgress, printEgressRemoval } from './egress/egress.ts';
import { printGuard, printRemoval } from './guard/ruleset.ts';
import { desiredHostPorts } from './host-ports/desired.ts';
import { printHostPortRemoval, printHostPorts } from './host-ports/ruleset.ts';
import type { Lease } from './leases.ts';
import { printRedirectFilter, printRedirectRemoval } from './redirects.ts';

/** Those of all of ours that can be there. */
const TABLES: readonly (readonly [family: RuleFamily, name: string])[] = [
  ['bridge', 'postern-network'],
  ['inet', 'postern-network'],
  ['inet', 'postern-vxlan'],
  ...(['ip', 'ip6'] as const).flatMap(
    (family) => [[family, 'postern-host-ports'] as const, [family, 'postern-egress'] as const] as const,
  ),
];

/** How long rules that somebody took away stay away: firewalls are started anew with `flush ruleset`. */
const LOOK_EVERY = seconds(10);

/** Everything anew, for these leases and no others, in one transaction. */
export function printRules(egress: Egress, leases: readonly Lease[]): string {
  const { podCIDRs } = egress;
  const hostPorts = printHostPorts(desiredHostPorts(leases, podCIDRs), podCIDRs);
  return `${printRedirectFilter()}${printEgress(egress)}${printGuard(leases)}${hostPorts}`;
}

/** Removes what is there of it. */
export function printRulesRemoval(): string {
  return `${printRedirectRemoval()}${printRemoval()}${printHostPortRemoval()}${printEgressRemoval()}`;
}

export interface RuleKeeperOptions {
  /** `countRules` of `host/`. */
  readonly count: (family: RuleFamily, table: string) => Promise<ReadonlyMap<string, number>>;
  readonly restore: () => Promise<void>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Looks every few seconds whether all rules are there, and restores them, until the signal is aborted. */
export async function keepRules({ count, restore, clock, log }: RuleKeeperOptions, signal: AbortSignal): Promise<void> {
  const look = async (): Promise<string> => {
    const counts = await Promise.all(TABLES.map(async ([family, name]) => [...(await count(family, name))]));
    return JSON.stringify(counts);
  };
  let whole = await look();
  while (!signal.aborted) {
    await clock.sleep(LOOK_EVERY, signal).catch(() => undefined);
    if (signal.aborted) return;
    try {
      if ((await look()) === whole) continue;
      await restore();
      // What could not be put in place at first is there from now on.
      whole = await look();
      log.warn({ every: LOOK_EVERY }, 'rules of the pod network were gone, and are put back');
    } catch (err) {
      if (signal.aborted) return;
      // Somebody changes them at this very moment: the next look is another chance.
      log.warn({ err }, err instanceof NetlinkError ? 'cannot look at the rules' : 'cannot put the rules back');
    }
  }
}
