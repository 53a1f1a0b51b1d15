/**
 * The LAN's side of the announcer: it joins who lives, who may announce what, and the answering itself. It knows no API and
 * no threads.
 */
import { milliseconds, seconds } from '../../lib/duration.ts';
import { printIP } from '../../lib/ip.ts';
import { printMAC } from '../../lib/mac.ts';
import { resolvePlace } from '../announcer/places.ts';
import type { Liveness, Living } from '../membership/liveness.ts';
import { Addresses } from './addresses.ts';
import { Departures } from './departures.ts';
import { announcedStatus } from './entry.ts';
import type { ConflictStatus, LanStatus, PeerFacts, PeerState, ToLan } from './messages.ts';
import { OnLan } from './on-lan.ts';
import type { Announcing, LanParts } from './parts.ts';
import { reachOf } from './reach.ts';

/** When a node comes back, the LAN's caches may be wrong: announcements are repeated so long after. */
const CLAIMS_AFTER_RETURN = [milliseconds(150), seconds(1)];
/** How often counters are told. */
const SECOND = seconds(1);
/** How often it is looked whether everything has been handed over. */
const LEAVE_POLL = milliseconds(10);
/** The most that leaving takes. */
const LEAVE_LIMIT = seconds(3);

const NOT_SYNCED = 'it does not know yet what there is to announce';

export class Lan {
  readonly #parts: LanParts;
  readonly #announcing: Announcing;
  readonly #liveness: Liveness;
  readonly #addresses: Addresses;
  readonly #onLan: OnLan;
  readonly #conflicts = new Map<string, ConflictStatus>();
  #states: ReadonlyMap<string, PeerState> = new Map();
  readonly #departures: Departures;
  #internalIPs: readonly string[] = [];
  #peers: readonly PeerFacts[] = [];
  #macs: readonly string[] = [];
  /** The nodes that leases say MACs belong to. */
  #macOwners: ReadonlyMap<string, string> = new Map();
  #living: Living | undefined;
  #silent: string | undefined;
  #isLeaving = false;
  /** Who is left when this node leaves, reckoned once. */
  #leavingFrom: { readonly of: Living; readonly others: Living } | undefined;
  #signal: AbortSignal = AbortSignal.abort();

  constructor(parts: LanParts) {
    this.#parts = parts;
    this.#liveness = parts.liveness({
      onChange: () => this.#onLiveness(),
      onUnknownKey: () => parts.tell({ kind: 'unknown-key' }),
    });
    this.#announcing = parts.announcing({
      onClaim: (claim) => this.#addresses.judge(claim),
      onConflict: (conflict, state) => this.#onConflict(conflict, state),
      onChange: (address) => this.#addresses.moved(address),
    });
    this.#addresses = new Addresses({
      self: parts.nodeName,
      announcing: this.#announcing,
      living: () => this.#electable(),
      answers: (node) => this.#answers(node),
      silent: () => !this.#isLeaving && this.#liveness.silent() !== undefined,
      macOwner: (mac) => (this.#macs.includes(mac) ? parts.nodeName : this.#ownerOf(mac)),
      tell: parts.tell,
      clock: parts.clock,
      log: parts.log,
    });
    this.#departures = new Departures({
      clock: parts.clock,
      lives: (node) => this.#lives(node),
      hasNoLease: (node) => this.#peers.some(({ name, lease }) => name === node && lease === 'none'),
      onOver: (node) => this.#addresses.endHandovers((from) => (from === node ? `node ${node} has left` : undefined)),
    });
    this.#onLan = new OnLan({
      announcing: this.#announcing,
      clock: parts.clock,
      gateways: parts.gateways,
      peers: () => this.#peers.flatMap(({ addresses }) => addresses),
      isAlone: () => this.#liveness.hears().length === 0,
      onChange: (onLan) => {
        this.#liveness.setOnLan(onLan);
        this.#tellPeers();
      },
    });
    this.#liveness.withhold(NOT_SYNCED);
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
    this.#announcing.start(signal);
    this.#liveness.start(signal);
    this.#addresses.start(signal);
    this.#onLan.start(signal);
    const end = this.#parts.links.onChange(() => this.#look());
    signal.addEventListener('abort', end, { once: true });
    this.#look();
    void this.#everySecond(signal);
  }

  receive(message: ToLan): void {
    switch (message.kind) {
      case 'self':
        this.#internalIPs = message.addresses;
        this.#liveness.setAddresses(message.addresses);
        this.#look();
        break;
      case 'plans':
        this.#addresses.setPlans(message.changed, message.removed);
        this.#lookForMacs();
        break;
      case 'synced':
        this.#liveness.withhold(undefined);
        break;
      case 'peers':
        this.#setPeers(message.peers);
        break;
      case 'keys':
        this.#liveness.setKeys(message.keys);
        break;
      case 'api':
        this.#liveness.setApi(message.reachable);
        break;
      case 'handover-ready':
        this.#addresses.ready(message.address);
        break;
      case 'leave':
        void this.#leave();
        break;
      case 'ask':
        this.#parts.tell({ kind: 'status', id: message.id, status: this.status() });
        break;
    }
  }

  status(): LanStatus {
    const announcing = this.#announcing.list().flatMap(({ announcement: { ip } }) => {
      const status = announcedStatus(printIP(ip), this.#announcing);
      return status === undefined ? [] : [status];
    });
    return {
      announcing: announcing.sort((a, b) => (a.address < b.address ? -1 : 1)),
      conflicts: [...this.#conflicts.values()],
      peers: this.#liveness.status(),
      elected: this.#addresses.elected(),
      silent: this.#isLeaving ? 'it is about to stop' : this.#liveness.silent(),
      counts: this.#counts(),
    };
  }

  /** Interfaces have come, gone or changed, or the addresses of nodes have. What another node has for itself, it keeps. */
  #look(): void {
    const reach = reachOf(this.#parts.links.links.values(), this.#internalIPs, this.#parts.interfaces);
    const others = this.#peers.flatMap(({ addresses }) => addresses);
    this.#announcing.setReach({ ...reach, own: [...reach.own, ...others] });
    this.#lookForMacs();
  }

  /** By the MACs of the interfaces it announces on, others tell this node's claims from strangers'. */
  #lookForMacs(): void {
    const { links } = this.#parts.links;
    const { defaults } = reachOf(links.values(), this.#internalIPs, this.#parts.interfaces);
    const names = new Set([...defaults, ...this.#addresses.interfaces]);
    const macs = [...names].map((name) => links.get(resolvePlace(name, links))?.mac).filter((mac) => mac !== undefined);
    const sorted = [...new Set(macs.map(printMAC))].sort();
    if (sorted.join() === this.#macs.join()) return;
    this.#macs = sorted;
    this.#liveness.setMacs(sorted);
    this.#tellPeers();
  }

  #setPeers(peers: readonly PeerFacts[]): void {
    this.#peers = peers;
    this.#macOwners = new Map(peers.flatMap(({ name, macs = [] }) => macs.map((mac) => [mac, name])));
    this.#liveness.setPeers(peers);
    this.#look();
    this.#pardonNodes();
  }

  /** A node may be seen on the LAN before it is known by its MAC, as when all have just started, and is taken for a stranger. */
  #pardonNodes(): void {
    for (const { address, mac } of [...this.#conflicts.values()]) {
      const owner = this.#ownerOf(mac);
      if (owner !== undefined) this.#addresses.pardon(address, owner);
    }
  }

  /** Heartbeats know better than leases, which are older. */
  #ownerOf(mac: string): string | undefined {
    return this.#liveness.macOwner(mac) ?? this.#macOwners.get(mac);
  }

  #electable(): Living {
    const living = this.#liveness.living();
    return this.#isLeaving ? this.#others(living) : living;
  }

  #others(living: Living): Living {
    if (this.#leavingFrom?.of === living) return this.#leavingFrom.others;
    const { nodeName } = this.#parts;
    const others = { alive: without(living.alive, nodeName), reserve: without(living.reserve, nodeName) };
    this.#leavingFrom = { of: living, others };
    return others;
  }

  /** One that has just left in good order answers until it sees that it is followed, and its kernel works on. */
  #answers(node: string): boolean {
    return this.#lives(node) || this.#departures.has(node);
  }

  #lives(node: string): boolean {
    const { alive, reserve } = this.#liveness.living();
    return alive.has(node) || reserve.has(node) || this.#states.get(node) === 'leaving';
  }

  #onLiveness(): void {
    const before = this.#states;
    const peers = this.#liveness.status();
    this.#states = new Map(peers.map(({ name, state }) => [name, state]));
    this.#logChanges(before);
    this.#departures.note(before, this.#states, this.#signal);
    this.#addresses.endHandovers((node) => (this.#answers(node) ? undefined : `node ${node} is lost`));
    const living = this.#liveness.living();
    if (living !== this.#living) {
      this.#living = living;
      this.#addresses.reconsider();
    }
    if (peers.some(({ name, state }) => before.get(name) === 'lost' && isBack(state))) this.#claimAgain();
    this.#pardonNodes();
    this.#tellPeers();
  }

  #logChanges(before: ReadonlyMap<string, PeerState>): void {
    for (const [node, state] of this.#states) {
      const was = before.get(node);
      if (state !== was) this.#parts.log.info({ node, state, was }, 'another announcer is seen otherwise');
    }
    const silent = this.#liveness.silent();
    if (silent === this.#silent) return;
    this.#silent = silent;
    const { log } = this.#parts;
    if (silent === undefined) log.info({}, 'this node may announce');
    else log.info({ why: silent }, 'this node is silent');
  }

  #claimAgain(): void {
    for (const delay of CLAIMS_AFTER_RETURN) this.#after(delay, () => void this.#addresses.reannounce());
  }

  #onConflict(conflict: ConflictStatus, state: 'begun' | 'over'): void {
    const key = `${conflict.address} ${conflict.interface}`;
    if (state === 'begun') this.#conflicts.set(key, conflict);
    else this.#conflicts.delete(key);
    this.#parts.tell({ kind: 'conflict', conflict, state });
  }

  #tellPeers(): void {
    const [peers, hears] = [this.#liveness.status(), this.#liveness.hears()];
    const onLan = this.#onLan.value && !this.#liveness.isMute();
    this.#parts.tell({ kind: 'peers', peers, hears, onLan, macs: this.#macs });
  }

  /** Differs whenever the status does, but is short: what is announced never changes without something being counted. */
  #gist(): string {
    return JSON.stringify([this.#liveness.silent(), [...this.#states], [...this.#conflicts.keys()], this.#counts()]);
  }

  #counts(): LanStatus['counts'] {
    return { ...this.#parts.counts(), ...this.#liveness.counts(), ...this.#addresses.counts() };
  }

  async #everySecond(signal: AbortSignal): Promise<void> {
    let last = '';
    while (!signal.aborted) {
      // Which MACs are whose may have come with any heartbeat.
      this.#pardonNodes();
      const now = this.#gist();
      if (now !== last) this.#parts.tell({ kind: 'changed' });
      last = now;
      await this.#parts.clock.sleep(SECOND, signal).catch(() => {}); // The signal is checked by the loop.
    }
  }

  async #leave(): Promise<void> {
    if (this.#isLeaving) return;
    this.#isLeaving = true;
    const told = this.#liveness.leave();
    this.#addresses.reconsider();
    await told;
    for (let left = LEAVE_LIMIT / LEAVE_POLL; left > 0 && !this.#addresses.isIdle; left--) {
      await this.#parts.clock.sleep(LEAVE_POLL, this.#signal).catch(() => {}); // Then everything has ended anyway.
    }
    this.#parts.tell({ kind: 'left' });
  }

  #after(duration: number, then: () => void): void {
    this.#parts.clock.sleep(duration, this.#signal).then(then, () => {}); // Stopped.
  }
}

function without(names: ReadonlySet<string>, name: string): ReadonlySet<string> {
  return names.has(name) ? names.difference(new Set([name])) : names;
}

function isBack(state: PeerState): boolean {
  return state === 'heard' || state === 'told' || state === 'leased';
}
