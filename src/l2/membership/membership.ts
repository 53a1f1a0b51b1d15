/**
 * Which nodes live, as one of them sees it: heartbeats, facts and time in; who lives, and the next heartbeat, out. Sees no
 * socket and no clock. Times are milliseconds of a clock that only goes forward.
 */
import { seconds } from '../../lib/duration.ts';
import type { PeerFacts, PeerState } from '../lan/messages.ts';
import { judgePeers, livingOf } from './judgement.ts';
import type { Living } from './liveness.ts';
import { type Heartbeat, nodeId } from './message.ts';
import { type Echoed, newPeer, note, type Peer, seenOf, type Worth, worthOf } from './peer.ts';
import { SentTimes } from './sent-times.ts';
import { deafTo, START_WAIT, whySilent } from './silence.ts';

/** How long leases that seem to have run out are still believed after the API has come back. */
const LEASE_DURATION = seconds(15);
/** Heartbeats in which a node has to be heard once, when its or our interval is long for the timeout. */
const MIN_HEARTBEATS = 3;

export interface MembershipOptions {
  readonly nodeName: string;
  /** Random; another one for every start. 48 bits. */
  readonly incarnation: number;
  readonly interval: number;
  readonly timeout: number;
}

export interface PeerStanding {
  readonly name: string;
  readonly state: PeerState;
  readonly since: number;
  readonly roundTrip: number | undefined;
}

export class Membership {
  readonly #options: MembershipOptions;
  readonly #id: number;
  readonly #sent = new SentTimes();
  readonly #peers = new Map<string, Peer>();
  #macs: readonly number[] = [];
  #apiReachable = true;
  /** From when on a lease that seems to have run out has. */
  #leasesCountFrom = Number.NEGATIVE_INFINITY;
  #onLan = true;
  #withheld: string | undefined;
  #waitsUntil: number | undefined;
  /** Of a process that stood still, the nodes that it heard before; undefined: it waits for all. */
  #waitsFor: ReadonlySet<string> | undefined;
  /** The first heartbeat that says so. */
  #leavesWith: number | undefined;
  #living: Living = { alive: new Set(), reserve: new Set() };
  #silent: string | undefined = 'it has just started';
  /** What the next heartbeat says of others, and all that follows from it, to tell when they change. */
  #said = '';
  #standing = '';
  #isMute = false;
  #changed = false;
  #news = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
    this.#id = nodeId(options.nodeName);
  }

  /** The same value until it changes. */
  get living(): Living {
    return this.#living;
  }

  /** Why this node is not among those that live, for people. */
  get silent(): string | undefined {
    return this.#silent;
  }

  get isMute(): boolean {
    return this.#isMute;
  }

  peers(): readonly PeerStanding[] {
    return [...this.#peers.values()]
      .map(({ facts, state, since, roundTrip, heardAt }) => {
        return { name: facts.name, state, since, roundTrip: heardAt === undefined ? undefined : roundTrip };
      })
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  hears(): readonly string[] {
    return [...this.#peers.values()]
      .filter(({ heardAt }) => heardAt !== undefined)
      .map(({ facts }) => facts.name)
      .sort();
  }

  /** The node that announces from an Ethernet address. */
  macOwner(mac: number): string | undefined {
    for (const { facts, macs } of this.#peers.values()) if (macs.includes(mac)) return facts.name;
    return undefined;
  }

  /** Whether who lives, why this node does not, a peer's state or who is heard has changed since the last call. */
  takeChange(): boolean {
    const changed = this.#changed;
    this.#changed = false;
    return changed;
  }

  /** Whether the others should not have to wait for the next regular heartbeat. Until the next is composed. */
  get hasNews(): boolean {
    return this.#news;
  }

  /** When the first of the peers that are heard now will be lost, if nothing more arrives. */
  get deadline(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#peers.values()].map((peer) => this.#lostAt(peer)));
  }

  setPeers(facts: readonly PeerFacts[], now: number): void {
    this.#waitsUntil ??= now + START_WAIT;
    const named = new Set(facts.map(({ name }) => name));
    for (const name of this.#peers.keys()) if (!named.has(name)) this.#peers.delete(name);
    for (const one of facts) {
      const peer = this.#peers.get(one.name);
      if (peer !== undefined) peer.facts = one;
      else if (one.name !== this.#options.nodeName) this.#peers.set(one.name, newPeer(one, now));
    }
    this.advance(now);
  }

  setApi(reachable: boolean, now: number): void {
    if (reachable && !this.#apiReachable) this.#leasesCountFrom = now + LEASE_DURATION;
    this.#apiReachable = reachable;
    this.advance(now);
  }

  setOnLan(onLan: boolean, now: number): void {
    this.#onLan = onLan;
    this.advance(now);
  }

  setMacs(macs: readonly number[]): void {
    this.#macs = macs;
  }

  withhold(reason: string | undefined, now: number): void {
    this.#withheld = reason;
    this.advance(now);
  }

  leave(now: number): void {
    this.#leavesWith ??= this.#sent.latest + 1;
    this.#news = true;
    this.advance(now);
  }

  /** Whether every node that is heard knows that this one leaves. */
  get isLeaveKnown(): boolean {
    const from = this.#leavesWith;
    return (
      from !== undefined &&
      [...this.#peers.values()].every(({ heardAt, echoed }) => heardAt === undefined || echoed >= from)
    );
  }

  /** Takes a heartbeat that a key of the cluster has signed. Of a node that is no peer: `stranger`. */
  receive(heartbeat: Heartbeat, now: number): Worth | 'stranger' {
    const peer = this.#peers.get(heartbeat.sender);
    if (peer === undefined) return 'stranger';
    const echoed = this.#echoed(peer, heartbeat, now);
    const worth = worthOf(peer, heartbeat, echoed);
    if (peer.arrived === undefined || now - peer.arrived.at >= this.#timeout(peer)) peer.arrivesSince = now;
    if (!note(peer, heartbeat, worth, echoed, now)) return worth;
    if (worth === 'unproven') this.#news = true;
    else this.advance(now);
    return worth;
  }

  /** Whether a heartbeat, or a later one, has arrived before: then it need not be looked at. */
  isOld(sender: string, { incarnation, sequence }: Pick<Heartbeat, 'incarnation' | 'sequence'>): boolean {
    const arrived = this.#peers.get(sender)?.arrived;
    return arrived?.incarnation === incarnation && sequence <= arrived.sequence;
  }

  /** Whether nothing has come of a node for long, as its lease agrees: it need not be sent much. */
  isGone(name: string, now: number): boolean {
    const peer = this.#peers.get(name);
    if (peer === undefined || peer.lease === 'fresh' || peer.sign !== undefined) return false;
    return seenOf(peer, now, this.#timeout(peer)).length === 0;
  }

  /**
   * This process did not run for a while, in which it could not have heard anybody. When that was longer than the others
   * wait, they have lost this node, and it begins anew.
   */
  stalled(duration: number, now: number): void {
    for (const peer of this.#peers.values())
      if (peer.heardAt !== undefined) peer.heardAt = Math.min(peer.heardAt + duration, now);
    if (duration < this.#options.timeout || this.#waitsUntil === undefined) return;
    // What waited in the sockets has been read before this is known.
    const wasLost = ({ sign, lostAt }: Peer): boolean => sign === undefined && (lostAt ?? now) < now - duration;
    const known = [...this.#peers.values()].filter((peer) => peer.everHeard && !wasLost(peer));
    this.#waitsFor = new Set(known.map(({ facts }) => facts.name));
    this.#waitsUntil = now + START_WAIT;
    for (const peer of known) peer.heardAt = undefined;
    this.advance(now);
  }

  /** Lets time pass. */
  advance(now: number): void {
    for (const peer of this.#peers.values()) {
      if (now >= this.#lostAt(peer)) peer.heardAt = undefined;
      this.#believeLease(peer, now);
    }
    const { nodeName: name, interval } = this.#options;
    const self = { name, onLan: this.#onLan, beats: interval > 0 };
    const peers = [...this.#peers.values()];
    const verdict = judgePeers(self, peers, now);
    const silent = this.#whySilent(peers, now);
    if (silent === undefined && this.#waitsUntil !== undefined) this.#waitsUntil = Math.min(this.#waitsUntil, now);
    const living = livingOf(self, silent !== undefined, peers, verdict);
    this.#adopt(living, silent ?? (verdict.ownPart === 'alive' ? undefined : apart(verdict.alive)));
  }

  /** The next heartbeat, which counts as sent now. */
  compose(now: number): Heartbeat {
    this.#news = false;
    const { nodeName: sender, incarnation, interval } = this.#options;
    return {
      sender,
      incarnation,
      sequence: this.#sent.next(now),
      interval,
      leaving: this.#leavesWith !== undefined,
      silent: this.#silent !== undefined && !this.#living.reserve.has(sender),
      macs: this.#macs,
      view: [...this.#peers.values()].flatMap((peer) => seenOf(peer, now, this.#timeout(peer))),
    };
  }

  /** When a node will be lost unless more of it arrives. */
  #lostAt(peer: Peer): number {
    return (peer.heardAt ?? Number.POSITIVE_INFINITY) + this.#timeout(peer);
  }

  /** A node whose heartbeats are rare is not lost before a few of them are. */
  #timeout(peer: Peer): number {
    return Math.max(this.#options.timeout, MIN_HEARTBEATS * Math.max(this.#options.interval, peer.interval));
  }

  #echoed(peer: Peer, { view }: Heartbeat, now: number): Echoed {
    const mine = view.find(({ id, incarnation }) => id === this.#id && incarnation === this.#options.incarnation);
    const sentAt = mine === undefined ? undefined : this.#sent.of(mine.sequence);
    if (mine === undefined || sentAt === undefined) return { sequence: mine?.sequence, recent: false, roundTrip: 0 };
    const recent = now - sentAt < this.#timeout(peer);
    return { sequence: mine.sequence, recent, roundTrip: now - sentAt - mine.held };
  }

  #believeLease(peer: Peer, now: number): void {
    const { lease } = peer.facts;
    const isDoubtful = lease === 'stale' && (!this.#apiReachable || now < this.#leasesCountFrom);
    if (peer.lease === lease || (peer.lease === 'fresh' && isDoubtful)) return;
    peer.lease = lease;
    if (lease === 'fresh') peer.freshSince = now;
  }

  #whySilent(peers: readonly Peer[], now: number): string | undefined {
    const situation = {
      leaving: this.#leavesWith !== undefined,
      withheld: this.#withheld,
      waitsUntil: this.#waitsUntil,
      waitsFor: this.#waitsFor,
      beats: this.#options.interval > 0,
      deaf: deafTo(peers, (peer) => this.#timeout(peer), now),
      apiReachable: this.#apiReachable,
    };
    this.#isMute = situation.deaf.length > 0;
    return whySilent(situation, peers, now);
  }

  #adopt(living: Living, silent: string | undefined): void {
    const peers = [...this.#peers.values()];
    const told = peers.map(({ id, heardAt, leaving, silent }) => [id, heardAt !== undefined, leaving, silent]);
    const said = JSON.stringify([silent !== undefined, told]);
    const states = peers.map(({ facts, state }) => [facts.name, state]);
    const standing = JSON.stringify([silent, this.#isMute, [...living.alive], [...living.reserve], states, said]);
    if (said !== this.#said) this.#news = true;
    if (standing === this.#standing) return;
    this.#said = said;
    this.#standing = standing;
    if (!isSame(living, this.#living)) this.#living = living;
    this.#silent = silent;
    this.#changed = true;
  }
}

function isSame(a: Living, b: Living): boolean {
  const isSameSet = (x: ReadonlySet<string>, y: ReadonlySet<string>): boolean => x.size === y.size && x.isSubsetOf(y);
  return isSameSet(a.alive, b.alive) && isSameSet(a.reserve, b.reserve);
}

function apart(others: ReadonlySet<string>): string {
  return `the LAN has come apart, and the part of ${[...others].sort().join(', ')} goes on`;
}
