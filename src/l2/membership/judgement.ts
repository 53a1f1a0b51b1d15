/** From what has been heard, told and leased, which nodes live. */
import { ANNOUNCER_LEASE_DURATION } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { seconds } from '../../lib/duration.ts';
import type { PeerState } from '../lan/messages.ts';
import type { Living } from './liveness.ts';
import { compareParts, type Unheard, type Verdict } from './parts.ts';
import type { Peer, Sign } from './peer.ts';

/** How long a node that may be reached by heartbeats has to be heard before its lease is asked. */
const LEASE_GRACE = seconds(1);
/**
 * A lease that is still fresh so much longer after its holder was lost than it lasts has been renewed since: the holder
 * lives, but its heartbeats and ours do not meet.
 */
const APART_MARGIN = seconds(1);
/** The same when the lease says that it has lost us in turn; until then the others' leases say as much of the LAN. */
const MISSED_FOR = seconds(3);

export interface Self {
  readonly name: string;
  readonly onLan: boolean;
  /** Whether it takes part in heartbeats at all. */
  readonly beats: boolean;
}

/** Brings every peer's state up to date. */
export function judgePeers(self: Self, peers: readonly Peer[], now: number): Verdict {
  const direct = peers.filter(({ heardAt }) => heardAt !== undefined);
  for (const peer of peers) remember(peer, signOf(peer, direct), self, now);
  const unheard = peers.filter((peer) => isApart(peer, self, now));
  for (const peer of unheard) peer.isMissed = true;
  const known = peers.filter(({ sign }) => sign !== undefined).map(({ facts }) => facts);
  const own = [{ name: self.name, onLan: self.onLan }, ...known];
  const verdict = compareParts(
    own,
    unheard.map(({ facts }): Unheard => facts),
  );
  for (const peer of peers) {
    const state = stateOf(peer, self, verdict);
    if (peer.state !== state) peer.since = now;
    if (state === 'leased') peer.isMissed = true;
    peer.state = state;
  }
  return verdict;
}

/** Who may announce, by states that are up to date. */
export function livingOf(self: Self, isSilent: boolean, peers: readonly Peer[], { ownPart }: Verdict): Living {
  const names = (some: readonly Peer[]): readonly string[] => some.map(({ facts }) => facts.name);
  const part = names(peers.filter(({ sign }) => sign !== undefined && !sign.leaving && !sign.silent));
  const ours = isSilent ? part : [self.name, ...part];
  const leased = names(peers.filter(({ state }) => state === 'leased'));
  if (ownPart === 'alive') return { alive: new Set([...ours, ...leased]), reserve: new Set() };
  return { alive: new Set(leased), reserve: new Set(ours) };
}

/** Heard here, or by a node that is heard here. */
function signOf(peer: Peer, direct: readonly Peer[]): Sign | undefined {
  if (peer.heardAt !== undefined) return { by: 'heard', leaving: peer.leaving, silent: peer.silent };
  const told = direct.flatMap(({ view }) => view.filter(({ id, hears }) => hears && id === peer.id));
  if (told.length === 0) return undefined;
  return { by: 'told', leaving: told.some(({ leaving }) => leaving), silent: told.some(({ silent }) => silent) };
}

function remember(peer: Peer, sign: Sign | undefined, self: Self, now: number): void {
  peer.sign = sign;
  const hearsUs = peer.facts.hears.includes(self.name);
  peer.heardUs ||= hearsUs;
  if (hearsUs) peer.missedUsSince = undefined;
  else if (peer.heardUs) peer.missedUsSince ??= now;
  if (sign !== undefined) {
    peer.everHeard = true;
    peer.lostAt = undefined;
    peer.left = sign.leaving;
    peer.isMissed = !sign.leaving;
  } else if (!peer.left) {
    if (peer.everHeard) peer.lostAt ??= now;
  } else if (peer.lease !== 'fresh') {
    // Whatever comes next is as if it came for the first time.
    peer.everHeard = false;
    peer.left = false;
  }
}

/** Whether only its lease can tell whether a node lives. */
function hasLeaseOnly(peer: Peer, self: Self): boolean {
  return peer.facts.port === undefined || !self.beats;
}

/** Whether a node lives, as its lease says, although it should be heard. */
function isApart(peer: Peer, self: Self, now: number): boolean {
  if (peer.sign !== undefined || peer.left || peer.lease !== 'fresh' || hasLeaseOnly(peer, self)) return false;
  if (!peer.everHeard) return now - peer.freshSince >= LEASE_GRACE;
  if (peer.lostAt === undefined) return false;
  if (peer.state === 'leased') return true;
  // Without the API a lease is only believed to be fresh, which is no sign of life.
  if (peer.facts.lease !== 'fresh') return false;
  const { lostAt, missedUsSince } = peer;
  const missed = missedUsSince !== undefined && now - Math.max(lostAt, missedUsSince) >= MISSED_FOR;
  const { leaseDuration = ANNOUNCER_LEASE_DURATION } = peer.facts;
  return missed || now - lostAt >= leaseDuration + APART_MARGIN;
}

function stateOf(peer: Peer, self: Self, verdict: Verdict): PeerState {
  if (peer.sign !== undefined) return peer.sign.leaving ? 'leaving' : peer.sign.by;
  if (peer.left) return 'absent';
  if (verdict.alive.has(peer.facts.name)) return 'leased';
  if (hasLeaseOnly(peer, self) && peer.lease === 'fresh') return 'leased';
  return peer.isMissed ? 'lost' : 'absent';
}
