/** Heartbeats of one node over UDP: the sockets and the timer around `Membership`, which decides. */
import { randomBytes } from 'node:crypto';
import { milliseconds, seconds } from '../../lib/duration.ts';
import { parseIP, printIP } from '../../lib/ip.ts';
import { parseMAC } from '../../lib/mac.ts';
import type { HeartbeatKey, PeerFacts, PeerStatus } from '../lan/messages.ts';
import { SECRET_BYTES } from '../settings.ts';
import { type HeartbeatCount, HeartbeatCounts } from './counts.ts';
import { Keyring } from './keyring.ts';
import type { Liveness, Living } from './liveness.ts';
import { type Machine, realMachine, type Transport } from './machine.ts';
import { Membership } from './membership.ts';
import { claimedOrder, decodeHeartbeat, encodeHeartbeat, type Heartbeat } from './message.ts';
import type { HeartbeatsOptions } from './options.ts';

/** Between two heartbeats, however much there is to say. */
const MIN_GAP = milliseconds(10);
/** How often time is looked at while no heartbeats are sent. */
const IDLE_INTERVAL = milliseconds(250);
/** How late a timer may be before this process counts as having stood still. */
const TOLERATED_DELAY = milliseconds(50);
/** How long the others are given to take note of a node that leaves. */
const LEAVE_TIMEOUT = seconds(1);
/** Nodes that have been gone for long get one of so many heartbeats: they say themselves that they are back. */
const RARELY = 20;
const UNKNOWN_KEY_INTERVAL = seconds(1);

interface Target {
  readonly name: string;
  readonly port: number;
  readonly addresses: readonly string[];
}

export class Heartbeats implements Liveness {
  readonly #options: HeartbeatsOptions;
  readonly #machine: Machine;
  readonly #membership: Membership;
  readonly #keys = new Keyring();
  readonly #counts = new HeartbeatCounts();
  readonly #sockets: Transport;
  #signal: AbortSignal = AbortSignal.abort();
  #addresses: readonly string[];
  #targets: readonly Target[] = [];
  #byAddress: ReadonlyMap<string, string> = new Map();
  #cancelWake: () => void = () => {};
  #wakesAt = Number.POSITIVE_INFINITY;
  #sentAt = Number.NEGATIVE_INFINITY;
  #rounds = 0;
  #unknownKeyAt = Number.NEGATIVE_INFINITY;
  #onLeaveKnown: (() => void) | undefined;

  constructor(options: HeartbeatsOptions, machine: Machine = realMachine) {
    this.#options = options;
    this.#machine = machine;
    const incarnation = randomBytes(6).readUIntBE(0, 6);
    this.#membership = new Membership({ ...options, incarnation });
    this.#addresses = options.addresses.map(canonical);
    this.setMacs(options.macs);
    this.#sockets = this.#machine.open({
      ...options,
      onMessage: (message, from) => this.#receive(message, from),
      onOpen: () => this.#beat(),
      onSendError: () => this.#counts.add('send-failed'),
    });
  }

  /** The UDP port, which for port 0 is known after the first socket was bound; 0 until then. */
  get port(): number {
    return this.#sockets.port;
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
    if (signal.aborted) return;
    signal.addEventListener('abort', () => this.#stop(), { once: true });
    this.setAddresses(this.#addresses);
    this.#sleep();
  }

  living(): Living {
    return this.#membership.living;
  }

  alive(): ReadonlySet<string> {
    return this.#membership.living.alive;
  }

  silent(): string | undefined {
    return this.#membership.silent;
  }

  isMute(): boolean {
    return this.#membership.isMute;
  }

  status(): readonly PeerStatus[] {
    const offset = this.#options.clock.now() - this.#machine.now();
    return this.#membership.peers().map((peer) => ({ ...peer, since: Math.round(peer.since + offset) }));
  }

  hears(): readonly string[] {
    return this.#membership.hears();
  }

  macOwner(mac: string): string | undefined {
    const number = macNumber(mac);
    return number === undefined ? undefined : this.#membership.macOwner(number);
  }

  counts(): Readonly<Record<string, number>> {
    return this.#counts.all();
  }

  setPeers(peers: readonly PeerFacts[]): void {
    const others = peers.filter(({ name }) => name !== this.#options.nodeName);
    const heard = new Set(this.#membership.hears());
    this.#targets = others.flatMap(({ name, port, lease, addresses }) => {
      // A lease that is deleted by mistake comes again: nobody needs to be lost by that.
      const last =
        lease === 'none' && heard.has(name) ? this.#targets.find((target) => target.name === name) : undefined;
      const at = port ?? last?.port;
      return at === undefined ? [] : [{ name, port: at, addresses: addresses.map(canonical) }];
    });
    // Also of those whose lease has just been deleted: they may still have to say that they leave.
    this.#byAddress = new Map(others.flatMap(({ name, addresses }) => addresses.map((ip) => [canonical(ip), name])));
    this.#membership.setPeers(others, this.#machine.now());
    this.#settle();
  }

  setKeys(keys: readonly HeartbeatKey[]): void {
    const unusable = this.#keys.set(keys);
    this.#sleep();
    if (unusable === 0) return;
    this.#options.log.warn(
      { unusable },
      `heartbeat keys left out: one needs ${SECRET_BYTES.least} bytes, and few are enough`,
    );
  }

  setApi(reachable: boolean): void {
    this.#membership.setApi(reachable, this.#machine.now());
    this.#settle();
  }

  setOnLan(onLan: boolean): void {
    this.#membership.setOnLan(onLan, this.#machine.now());
    this.#settle();
  }

  setAddresses(addresses: readonly string[]): void {
    this.#addresses = addresses.map(canonical);
    if (this.#options.interval > 0) this.#sockets.set(this.#addresses, this.#signal);
  }

  setMacs(macs: readonly string[]): void {
    this.#membership.setMacs(macs.map(macNumber).filter((mac) => mac !== undefined));
  }

  withhold(reason: string | undefined): void {
    this.#membership.withhold(reason, this.#machine.now());
    this.#settle();
  }

  async leave(): Promise<void> {
    this.#membership.leave(this.#machine.now());
    const known = new Promise<void>((resolve) => {
      this.#onLeaveKnown = resolve;
    });
    this.#settle();
    if (this.#signal.aborted) return;
    const wait = new AbortController();
    const signal = AbortSignal.any([this.#signal, wait.signal]);
    // It is over when the time is, or the signal says so, or all of them know.
    const timeout = this.#options.clock.sleep(LEAVE_TIMEOUT, signal).catch(() => {});
    await Promise.race([known, timeout]);
    wait.abort();
  }

  /** Whether heartbeats are sent at all. */
  get #beats(): boolean {
    return this.#options.interval > 0 && !this.#keys.isEmpty && !this.#signal.aborted;
  }

  /** Milliseconds from the last heartbeat to the next. */
  get #gap(): number {
    const { interval } = this.#options;
    return this.#membership.hasNews ? Math.min(MIN_GAP, interval) : interval;
  }

  #stop(): void {
    this.#cancelWake();
    this.#sockets.set([], this.#signal);
  }

  /** After anything has happened: says what has changed, to the others as well. */
  #settle(): void {
    if (this.#membership.isLeaveKnown) this.#onLeaveKnown?.();
    // One that is due comes anyway, and has to see by how much it is late.
    if (this.#membership.hasNews && this.#wakesAt > this.#machine.now()) this.#sleep();
    if (this.#membership.takeChange()) this.#options.onChange();
  }

  /** Sleeps until there is something to do. */
  #sleep(): void {
    if (this.#signal.aborted) return;
    const now = this.#machine.now();
    const next = this.#beats ? this.#sentAt + this.#gap : now + IDLE_INTERVAL;
    this.#wakesAt = Math.max(now, Math.min(next, this.#membership.deadline));
    this.#cancelWake();
    this.#cancelWake = this.#machine.after(this.#wakesAt - now, () => this.#wake());
  }

  #wake(): void {
    if (this.#signal.aborted) return;
    const now = this.#machine.now();
    const late = now - this.#wakesAt;
    if (late > TOLERATED_DELAY) {
      this.#options.log.debug({ late: Math.round(late) }, 'this process stood still for a while');
      this.#membership.stalled(late, now);
    }
    this.#membership.advance(now);
    // Timers count whole milliseconds.
    if (now - this.#sentAt >= this.#gap - 1) this.#beat();
    this.#sleep();
    this.#settle();
  }

  /** Sends one heartbeat to every other node. */
  #beat(): void {
    if (!this.#beats) return;
    const now = this.#machine.now();
    this.#sentAt = now;
    this.#rounds += 1;
    const message = encodeHeartbeat(this.#membership.compose(now));
    this.#keys.sign(message);
    for (const { name, port, addresses } of this.#targets) {
      if (this.#rounds % RARELY !== 0 && this.#membership.isGone(name, now)) continue;
      for (const address of addresses) if (this.#sockets.send(message, port, address)) this.#counts.add('sent');
    }
  }

  #receive(message: Buffer, from: string): void {
    const read = this.#read(message, from);
    if (typeof read === 'string') {
      this.#counts.add(read);
      return;
    }
    this.#counts.add('received');
    this.#membership.receive(read, this.#machine.now());
    this.#settle();
  }

  /** The heartbeat in a message of anybody's, or why there is none to be believed: the cheapest checks first. */
  #read(message: Buffer, from: string): Heartbeat | HeartbeatCount {
    const sender = this.#byAddress.get(from);
    if (sender === undefined) return 'stranger';
    const order = claimedOrder(message);
    if (order === undefined) return 'not-a-heartbeat';
    if (this.#membership.isOld(sender, order)) return 'old';
    if (!this.#keys.accepts(message)) {
      this.#missKey(sender);
      return 'unknown-key';
    }
    const heartbeat = decodeHeartbeat(message);
    return typeof heartbeat !== 'string' && heartbeat.sender !== sender ? 'stranger' : heartbeat;
  }

  #missKey(sender: string): void {
    const now = this.#machine.now();
    if (now - this.#unknownKeyAt < UNKNOWN_KEY_INTERVAL) return;
    this.#unknownKeyAt = now;
    this.#options.log.debug({ sender }, 'a heartbeat is signed with a key that is not known here');
    this.#options.onUnknownKey?.();
  }
}

function canonical(address: string): string {
  const ip = parseIP(address);
  return ip === undefined ? address : printIP(ip);
}

function macNumber(mac: string): number | undefined {
  const bytes = parseMAC(mac);
  return bytes === undefined ? undefined : Buffer.from(bytes).readUIntBE(0, 6);
}
