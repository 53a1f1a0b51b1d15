/** Notices that a machine's addresses on its LAN have changed for good, as when a router is replaced or a machine is moved. */
import type { Clock } from '../../host/clock.ts';
import type { LinkWatch } from '../../host/link-watch.ts';
import type { Logger } from '../../host/log.ts';
import { Wake } from '../../host/wake.ts';
import { type Duration, minutes, seconds } from '../../lib/duration.ts';
import { familyOf } from '../../lib/ip.ts';
import type { NodeInterface } from './node-addresses.ts';

/** What is there now. */
export interface Surroundings {
  /** What would be chosen if the agent started now. */
  readonly chosen: NodeInterface;
  /** All addresses of that interface: one that is still there is kept, whatever came before it. */
  readonly present: readonly string[];
}

export interface OwnAddressesOptions {
  readonly current: NodeInterface;
  /** Undefined: there is nothing that could be chosen, as with a cable that is out. */
  readonly look: () => Promise<Surroundings | undefined>;
  readonly links: Pick<LinkWatch, 'onChange'>;
  readonly clock: Clock;
  readonly log: Logger;
}

/** For changes that no interface tells of, such as of the default route. */
const LOOK_EVERY = minutes(1);

/** Resolves with what the node is reached at from now on, or with undefined when the signal is aborted first. */
export async function untilReaddressed(
  { current, look, links, clock, log }: OwnAddressesOptions,
  signal: AbortSignal,
): Promise<NodeInterface | undefined> {
  const wake = new Wake();
  const unwatch = links.onChange(() => wake.now());
  let candidate: { readonly found: NodeInterface; readonly since: number } | undefined;
  try {
    while (!signal.aborted) {
      const found = settled(current, await look());
      if (found === undefined || isSame(found, current)) {
        candidate = undefined;
        await wake.sleep(clock, LOOK_EVERY, signal);
        continue;
      }
      if (candidate === undefined || !isSame(candidate.found, found)) {
        candidate = { found, since: clock.steady() };
        log.info({ before: current, now: found }, 'the addresses of this node may have changed');
      }
      const left = candidate.since + patienceOf(current, found) - clock.steady();
      if (left <= 0) return found;
      await wake.sleep(clock, left, signal);
    }
    return undefined;
  } finally {
    unwatch();
  }
}

/** Of an interface that stays, addresses that are still there stay the node's: some systems make up more from time to time. */
function settled(current: NodeInterface, found: Surroundings | undefined): NodeInterface | undefined {
  if (found === undefined || found.chosen.name !== current.name) return found?.chosen;
  const { name, addresses } = found.chosen;
  const kept = (address: string) =>
    current.addresses.find((one) => familyOf(one) === familyOf(address) && found.present.includes(one)) ?? address;
  return { name, addresses: addresses.map(kept) };
}

/** How long it has to stay so: what is lost may come back, and a cable that is out for a moment makes no other interface the LAN's. */
function patienceOf(current: NodeInterface, found: NodeInterface): Duration {
  if (found.name !== current.name) return seconds(30);
  return found.addresses.length < current.addresses.length ? seconds(15) : seconds(2);
}

const isSame = (a: NodeInterface, b: NodeInterface): boolean =>
  a.name === b.name && a.addresses.join() === b.addresses.join();
