/** Which nodes should be heard and are not, although they live. Pure. */
import { type Duration, seconds } from '../../lib/duration.ts';
import type { PeerFacts, PeerStatus } from '../lan/messages.ts';

/** A node that starts is not heard at once. */
export const UNHEARD_AFTER: Duration = seconds(10);

/** Names of the nodes that send heartbeats and are only known to live by their leases, sorted. `now` is wall-clock milliseconds. */
export function unheardNodes(
  statuses: readonly PeerStatus[],
  facts: readonly PeerFacts[],
  now: number,
): readonly string[] {
  const sending = new Set(facts.filter(({ port }) => port !== undefined).map(({ name }) => name));
  return statuses
    .filter(({ name, state, since }) => state === 'leased' && sending.has(name) && now - since >= UNHEARD_AFTER)
    .map(({ name }) => name)
    .sort();
}
