/** Which nodes should be heard and are not, although they live. Pure. */
import { ANNOUNCER_LEASE_DURATION } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { type Duration, seconds } from '../../lib/duration.ts';
import type { PeerFacts, PeerState, PeerStatus } from '../lan/messages.ts';

/** A node that starts is not heard at once. */
export const UNHEARD_AFTER: Duration = seconds(10);

/** A lease outlasts its holder: of a node that was lost, only one that is still fresh so much later says anything. */
const RENEWED_MARGIN: Duration = seconds(5);

/** Names of the nodes that send heartbeats and are only known to live by their leases, sorted. `now` is wall-clock milliseconds. */
export function unheardNodes(
  statuses: readonly PeerStatus[],
  facts: readonly PeerFacts[],
  now: number,
): readonly string[] {
  const renewed = facts.filter(({ port, lease }) => port !== undefined && lease === 'fresh');
  const durations = new Map(renewed.map(({ name, leaseDuration = ANNOUNCER_LEASE_DURATION }) => [name, leaseDuration]));
  // One that is lost all the same is of the smaller part of a LAN that has come apart.
  const after = (state: PeerState, duration: number): number =>
    state === 'leased' ? UNHEARD_AFTER : state === 'lost' ? duration + RENEWED_MARGIN : Number.POSITIVE_INFINITY;
  return statuses
    .filter(({ name, state, since }) => {
      const duration = durations.get(name);
      return duration !== undefined && now - since >= after(state, duration);
    })
    .map(({ name }) => name)
    .sort();
}
