/** What one other node's heartbeats have shown of it. Times are milliseconds of the clock that nobody sets. */
import type { PeerFacts, PeerState } from '../lan/messages.ts';
import { type Heartbeat, nodeId, type Seen } from './message.ts';

/** A heartbeat that arrived. */
interface Arrival {
  readonly incarnation: number;
  readonly sequence: number;
  readonly at: number;
}

/** What a node that lives says of itself. */
export interface Sign {
  /** Directly, or by the word of a node that is heard. */
  readonly by: 'heard' | 'told';
  readonly leaving: boolean;
  readonly silent: boolean;
}

export interface Peer {
  readonly id: number;
  facts: PeerFacts;
  /** The latest heartbeat of the incarnation that has proved to be the present one. */
  arrived: Arrival | undefined;
  /** Since when heartbeats arrive without a long gap. */
  arrivesSince: number;
  /** One of another incarnation, which has not proved that it is not a replay. */
  unproven: Arrival | undefined;
  /** When a heartbeat arrived that proves to be fresh by echoing a recent one of ours; undefined: not lately enough, or lost. */
  heardAt: number | undefined;
  /** What it last said of itself here. */
  leaving: boolean;
  silent: boolean;
  interval: number;
  macs: readonly number[];
  /** What it last said of others, in a fresh heartbeat. */
  view: readonly Seen[];
  /** The latest of ours that it has. */
  echoed: number;
  roundTrip: number | undefined;
  /** Undefined while nobody hears it. */
  sign: Sign | undefined;
  /** Its lease as far as it can be believed: while the API is away, leases only seem to run out. */
  lease: PeerFacts['lease'];
  /** Since when the lease has been fresh. */
  freshSince: number;
  /** Whether it was heard or told of since this node started. */
  everHeard: boolean;
  /** Since when it is neither heard nor told of any more. */
  lostAt: number | undefined;
  /** Whether its lease has ever said that it hears this node. */
  heardUs: boolean;
  /** Since when its lease does not say so any more: it was alive to write that. */
  missedUsSince: number | undefined;
  /** Whether it has lived by any account, and has not left in good order since. */
  isMissed: boolean;
  /** It went in good order: its lease, should it last longer, says nothing any more. */
  left: boolean;
  state: PeerState;
  since: number;
}

export function newPeer(facts: PeerFacts, now: number): Peer {
  return {
    id: nodeId(facts.name),
    facts,
    sign: undefined,
    lease: facts.lease,
    freshSince: now,
    everHeard: false,
    lostAt: undefined,
    heardUs: false,
    missedUsSince: undefined,
    isMissed: false,
    left: false,
    state: 'absent',
    since: now,
    arrived: undefined,
    arrivesSince: now,
    unproven: undefined,
    heardAt: undefined,
    leaving: false,
    silent: false,
    interval: 0,
    macs: [],
    view: [],
    echoed: 0,
    roundTrip: undefined,
  };
}

/** What a heartbeat is worth. */
export type Worth =
  /** Proves that the node lives, and that it has our heartbeats. */
  | 'fresh'
  /** Of the present incarnation, but without an echo of ours: ours do not reach it, or not any more. */
  | 'deaf'
  /** Nothing as long as it may be an old one, sent again. It is echoed, so that its sender can prove itself. */
  | 'unproven'
  /** Arrived before, or later ones did. */
  | 'old';

/** Our own side of a heartbeat's echo. */
export interface Echoed {
  /** The latest of ours that the sender has; undefined: it says that it has none of this incarnation. */
  readonly sequence: number | undefined;
  /** Whether that one was sent a short enough time ago. */
  readonly recent: boolean;
  /** Milliseconds from sending that one until now, less what it waited at the sender. */
  readonly roundTrip: number;
}

export function worthOf(peer: Peer, heartbeat: Heartbeat, echoed: Echoed): Worth {
  if (peer.arrived?.incarnation === heartbeat.incarnation) {
    if (heartbeat.sequence <= peer.arrived.sequence) return 'old';
    return echoed.recent ? 'fresh' : 'deaf';
  }
  return echoed.recent ? 'fresh' : 'unproven';
}

/** Takes note of a heartbeat. Returns whether anything that others are told, or that decides who lives, has changed. */
export function note(peer: Peer, heartbeat: Heartbeat, worth: Worth, echoed: Echoed, now: number): boolean {
  const { incarnation, sequence, leaving, silent } = heartbeat;
  if (worth === 'old') return false;
  if (worth === 'unproven') {
    const isNew = peer.unproven?.incarnation !== incarnation;
    if (isNew || sequence > (peer.unproven?.sequence ?? 0)) peer.unproven = { incarnation, sequence, at: now };
    return isNew;
  }
  peer.arrived = { incarnation, sequence, at: now };
  if (peer.unproven?.incarnation === incarnation) peer.unproven = undefined;
  const saidOfItself = peer.leaving !== leaving || peer.silent !== silent;
  peer.leaving = leaving;
  peer.silent = silent;
  peer.interval = heartbeat.interval;
  peer.macs = heartbeat.macs;
  if (worth === 'fresh') return noteFresh(peer, heartbeat, echoed, now) || saidOfItself;
  // It says so itself: nothing is gained by waiting for the time to run out. A late echo may just have been overtaken.
  if (echoed.sequence !== undefined || peer.heardAt === undefined) return saidOfItself;
  peer.heardAt = undefined;
  return true;
}

function noteFresh(peer: Peer, { view }: Heartbeat, { sequence = 0, roundTrip }: Echoed, now: number): boolean {
  const changed = peer.heardAt === undefined || !sameView(peer.view, view);
  peer.heardAt = now;
  peer.roundTrip = Math.max(0, roundTrip);
  peer.view = view;
  peer.echoed = Math.max(peer.echoed, sequence);
  return changed;
}

/** Whether two views say the same of the same nodes. Echoes differ every time. */
function sameView(a: readonly Seen[], b: readonly Seen[]): boolean {
  return a.length === b.length && a.every((seen, i) => says(seen) === says(b[i]) && seen.id === b[i]?.id);
}

function says(seen: Seen | undefined): number {
  return seen === undefined ? -1 : (seen.hears ? 1 : 0) | (seen.leaving ? 2 : 0) | (seen.silent ? 4 : 0);
}

/** What this node says of another in its own heartbeats: one entry for each incarnation that something arrived of lately. */
export function seenOf(peer: Peer, now: number, timeout: number): readonly Seen[] {
  const entry = ({ incarnation, sequence, at }: Arrival, proven: boolean): Seen => ({
    id: peer.id,
    hears: proven && peer.heardAt !== undefined,
    leaving: proven && peer.leaving,
    silent: proven && peer.silent,
    incarnation,
    sequence,
    held: now - at,
  });
  const { arrived, unproven } = peer;
  return [
    ...(arrived !== undefined && now - arrived.at < timeout ? [entry(arrived, true)] : []),
    ...(unproven !== undefined && now - unproven.at < timeout ? [entry(unproven, false)] : []),
  ];
}
