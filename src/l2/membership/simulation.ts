/**
 * For tests: nodes that send each other real heartbeats over a LAN that exists only here, in a time of its own, and that is
 * as unreliable as it is told to be.
 */
import type { Clock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { milliseconds, seconds } from '../../lib/duration.ts';
import { type Random, randomBelow, seededRandom } from '../../lib/random.ts';
import type { PeerFacts } from '../lan/messages.ts';
import { DEFAULT_HEARTBEATS } from '../settings.ts';
import { Heartbeats } from './heartbeats.ts';
import { firstLiving } from './liveness.ts';
import type { Machine } from './machine.ts';
import type { HeartbeatsOptions } from './options.ts';
import type { SocketsParts } from './sockets.ts';
import { Timeline } from './timeline.ts';

/** How the LAN treats a message. Chances are from 0 to 1, delays in milliseconds. */
export interface Weather {
  readonly loss: number;
  readonly delay: number;
  /** Added to the delay, at most: messages may then overtake one another. */
  readonly jitter: number;
  readonly duplicates: number;
}

export const CLEAR: Weather = { loss: 0, delay: 0.2, jitter: 0.2, duplicates: 0 };

/** As the API's side has them. */
const LEASE_DURATION = seconds(15);
const RENEW_INTERVAL = seconds(5);
const LOOK_INTERVAL = milliseconds(500);

export interface SimulatedNode {
  readonly name: string;
  readonly address: string;
  readonly heartbeats: Heartbeats;
  /** How often who lives, or why it is silent, has changed as it sees it. */
  changes: number;
  isDown: boolean;
  /** Until when its process stands still; its machine goes on receiving. */
  frozenUntil: number;
  readonly end: () => void;
}

export interface Flight {
  readonly from: string;
  readonly to: string;
  readonly message: Buffer;
}

export class SimulatedLan {
  readonly timeline = new Timeline();
  readonly random: Random;
  readonly nodes = new Map<string, SimulatedNode>();
  weather: Weather = CLEAR;
  /** Whether a message passes from one node to the other. */
  passes: (from: string, to: string) => boolean = () => true;
  /** Sees every message that is sent: an eavesdropper, who may send it again with `inject`. */
  onFlight: (flight: Flight) => void = () => {};
  key = Buffer.alloc(32, 7);
  /** Whether a node reaches the API, by which it renews its lease and sees those of others. */
  hasApi: (node: string) => boolean = () => true;
  /** Whether a node's own look at its LAN shows anybody. */
  isOnLan: (node: string) => boolean = () => true;
  readonly #leases = new Map<
    string,
    { readonly renewed: number; readonly hears: readonly string[]; readonly onLan: boolean }
  >();
  #names: readonly string[] = [];
  readonly #sockets = new Map<string, { readonly parts: SocketsParts; readonly node: string }>();

  constructor(seed: number) {
    this.random = seededRandom(seed);
  }

  /** Makes these the cluster's nodes, whose leases are looked at from now on. */
  know(names: readonly string[]): void {
    const isFirst = this.#names.length === 0;
    this.#names = names;
    if (isFirst) this.#followLeases();
  }

  /** What the API says of all nodes. */
  facts(): readonly PeerFacts[] {
    return this.#names.map((name): PeerFacts => {
      const lease = this.#leases.get(name);
      const base = { name, addresses: [addressOf(name)] };
      if (lease === undefined) return { ...base, port: undefined, lease: 'none', hears: [], onLan: true };
      const isFresh = this.timeline.now - lease.renewed < LEASE_DURATION;
      const { hears, onLan } = lease;
      return { ...base, port: DEFAULT_HEARTBEATS.port, lease: isFresh ? 'fresh' : 'stale', hears, onLan };
    });
  }

  #followLeases(): void {
    for (const node of this.nodes.values())
      if (!node.isDown && node.frozenUntil <= this.timeline.now) this.#askApi(node);
    this.timeline.after(LOOK_INTERVAL, () => this.#followLeases());
  }

  #askApi({ name, heartbeats }: SimulatedNode): void {
    const reachable = this.hasApi(name);
    const { now } = this.timeline;
    const lease = this.#leases.get(name);
    heartbeats.setApi(reachable);
    heartbeats.setOnLan(this.isOnLan(name));
    const isNews = lease?.hears.join() !== heartbeats.hears().join();
    if (reachable && (lease === undefined || isNews || now - lease.renewed >= RENEW_INTERVAL))
      this.#renew(name, heartbeats);
    // Without the API, leases run out one by one, as nobody is seen to renew one.
    heartbeats.setPeers(reachable ? this.facts() : this.facts().map((facts) => ({ ...facts, lease: 'stale' })));
  }

  #renew(name: string, heartbeats: Heartbeats): void {
    this.#leases.set(name, {
      renewed: this.timeline.now,
      hears: heartbeats.hears(),
      onLan: this.isOnLan(name) && !heartbeats.isMute(),
    });
  }

  /** Starts the announcer of a node, anew when there was one. */
  start(name: string, settings: Partial<HeartbeatsOptions> = {}): SimulatedNode {
    this.nodes.get(name)?.end();
    const ended = new AbortController();
    const options = {
      nodeName: name,
      addresses: [addressOf(name)],
      macs: [macOf(name)],
      ...DEFAULT_HEARTBEATS,
      clock: this.#clock(),
      log: silentLogger,
      onChange: () => {
        node.changes += 1;
      },
      ...settings,
    };
    const node: SimulatedNode = {
      name,
      address: addressOf(name),
      heartbeats: new Heartbeats(options, this.#machine(name)),
      changes: 0,
      isDown: false,
      frozenUntil: 0,
      end: () => {
        node.isDown = true;
        ended.abort();
      },
    };
    this.nodes.set(name, node);
    node.heartbeats.setKeys([{ secret: this.key }]);
    // Not all at the same moment, or heartbeats would meet in a way that they never do.
    this.timeline.after(this.random() * DEFAULT_HEARTBEATS.interval, () => {
      if (node.isDown) return;
      node.heartbeats.start(ended.signal);
      if (!this.hasApi(name)) return;
      this.#renew(name, node.heartbeats);
      // All others watch leases, and this node is to see them all.
      for (const other of this.nodes.values()) if (!other.isDown) this.#askApi(other);
    });
    return node;
  }

  run(duration: number): void {
    this.timeline.run(duration);
  }

  /** The nodes that would announce, of some that may: each asks its own heartbeats. */
  announcers(candidates: readonly string[]): readonly string[] {
    const plan = candidates.map((node) => ({ node }));
    return [...this.nodes.values()]
      .filter(({ isDown }) => !isDown)
      .filter(({ name, heartbeats }) => firstLiving(plan, heartbeats.living())?.node === name)
      .map(({ name }) => name);
  }

  /** A node says good-bye; its lease is deleted with it. */
  leave(name: string): void {
    void this.nodes.get(name)?.heartbeats.leave();
    this.deleteLease(name);
  }

  deleteLease(name: string): void {
    this.#leases.delete(name);
    for (const node of this.nodes.values()) if (!node.isDown) node.heartbeats.setPeers(this.facts());
  }

  /** Sends a message as if it came from a node. */
  inject(from: string, to: string, message: Buffer): void {
    this.#fly(addressOf(from), addressOf(to), message);
  }

  #fly(from: string, to: string, message: Buffer): void {
    const { loss, delay, jitter, duplicates } = this.weather;
    const copies = this.random() < duplicates ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.random() < loss) continue;
      const arrive = (): void => {
        const socket = this.#sockets.get(to);
        const node = socket === undefined ? undefined : this.nodes.get(socket.node);
        if (socket === undefined || node === undefined || node.isDown) return;
        // Its machine keeps what comes until it runs again.
        if (node.frozenUntil > this.timeline.now) this.timeline.after(node.frozenUntil - this.timeline.now, arrive);
        else socket.parts.onMessage(message, from);
      };
      this.timeline.after(delay + this.random() * jitter, arrive);
    }
  }

  #machine(name: string): Machine {
    const { timeline } = this;
    const frozen = (): number => Math.max(0, (this.nodes.get(name)?.frozenUntil ?? 0) - timeline.now);
    return {
      now: () => timeline.now,
      after: (delay, run) => {
        let cancel = timeline.after(delay, function due() {
          // What has arrived meanwhile is read first.
          if (frozen() > 0) cancel = timeline.after(frozen() + 0.001, due);
          else run();
        });
        return () => cancel();
      },
      open: (parts) => ({
        port: parts.port,
        set: (addresses, signal) => {
          for (const address of signal.aborted ? [] : addresses) this.#sockets.set(address, { parts, node: name });
          if (!signal.aborted) parts.onOpen();
        },
        send: (message, _port, to) => {
          const from = addressOf(name);
          const receiver = this.#sockets.get(to)?.node;
          this.onFlight({ from: name, to: receiver ?? to, message });
          if (receiver !== undefined && this.passes(name, receiver)) this.#fly(from, to, message);
          return true;
        },
      }),
    };
  }

  #clock(): Clock {
    const { timeline } = this;
    const sleep = (duration: number): Promise<void> => new Promise((resolve) => timeline.after(duration, resolve));
    return { now: () => timeline.now, steady: () => timeline.now, sleep };
  }
}

/** Which of several things happens. */
export function pick<T>(random: Random, things: readonly T[]): T {
  const thing = things[randomBelow(random, things.length)];
  if (thing === undefined) throw new Error('nothing to choose from');
  return thing;
}

/** `n7` is 10.0.0.7. */
function addressOf(name: string): string {
  return `10.0.0.${name.slice(1)}`;
}

function macOf(name: string): string {
  return `02:00:00:00:00:${Number(name.slice(1)).toString(16).padStart(2, '0')}`;
}
