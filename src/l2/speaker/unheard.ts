/** Which nodes should be heard and are not, although they live. Pure. */
import { type Duration, seconds } from '../../lib/duration.ts';
import type { PeerFacts, PeerState, PeerStatus } from '../lan/messages.ts';

/** A node that starts is not heard at once. */
export const UNHEARD_AFTER: Duration = seconds(10);

/** A lease lasts 15 s longer than its holder: of a node that was lost, only one that is still fresh then says anything. */
const RENEWED_AFTER: Duration = seconds(20);

/** Names of the nodes that send heartbeats and are only known to live by their leases, sorted. `now` is wall-clock milliseconds. */
export function unheardNodes(
  statuses: readonly PeerStatus[],
  facts: readonly PeerFacts[],
  now: number,
): readonly string[] {
  const renewed = facts.filter(({ port, lease }) => port !== undefined && lease === 'fresh');
  const living = new Set(renewed.map(({ name }) => name));
  // One that is lost all the same is of the smaller part of a LAN that has come apart.
  const after = (state: PeerState): number =>
    state === 'leased' ? UNHEARD_AFTER : state === 'lost' ? RENEWED_AFTER : Number.POSITIVE_INFINITY;
  return statuses
    .filter(({ name, state, since }) => living.has(name) && now - since >= after(state))
    .map(({ name }) => name)
    .sort();
}
