/** One protocol on one interface: answers for the addresses that are announced there, and announces new ones. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { MulticastGroups, OpenMulticastGroups } from '../../host/multicast-groups.ts';
import type { OpenPacketSocket, PacketSocket } from '../../host/packet-socket.ts';
import { type Duration, seconds } from '../../lib/duration.ts';
import { type IPAddress, printIP } from '../../lib/ip.ts';
import type { Answerer, Protocol } from '../frames/protocol.ts';
import type { L2Stats } from './stats.ts';

export interface LinkParts {
  readonly openSocket: OpenPacketSocket;
  readonly openGroups: OpenMulticastGroups;
  readonly clock: Clock;
  readonly log: Logger;
  readonly stats: L2Stats;
}

/** How long an interface that cannot be opened, or went away, is left alone. */
const RETRY: Duration = seconds(1);

interface Announced {
  readonly ip: IPAddress;
  /** Ends the announcing, when the address or the socket goes. */
  ended: AbortController | undefined;
}

interface Opened {
  readonly socket: PacketSocket;
  readonly groups: MulticastGroups | undefined;
  readonly answerer: Answerer;
}

export class Link {
  readonly #interface: string;
  readonly #protocol: Protocol;
  readonly #parts: LinkParts;
  readonly #addresses = new Map<string, Announced>();
  #opened: Opened | undefined;

  constructor(interfaceName: string, protocol: Protocol, parts: LinkParts) {
    this.#interface = interfaceName;
    this.#protocol = protocol;
    this.#parts = parts;
  }

  /** Number of addresses. */
  get size(): number {
    return this.#addresses.size;
  }

  /** Whether questions are answered now; else the interface is yet to come, or gone. */
  get isOpen(): boolean {
    return this.#opened !== undefined;
  }

  /** Answers for an address from now on, and says so. */
  announce(ip: IPAddress): void {
    const key = printIP(ip);
    if (this.#addresses.has(key)) return;
    const announced: Announced = { ip, ended: undefined };
    this.#addresses.set(key, announced);
    if (this.#opened !== undefined) this.#begin(announced, this.#opened);
  }

  /** Answers no more, at once. */
  withdraw(ip: IPAddress): void {
    const key = printIP(ip);
    const announced = this.#addresses.get(key);
    if (announced === undefined) return;
    this.#addresses.delete(key);
    announced.ended?.abort();
    const group = this.#protocol.group(ip);
    if (group !== undefined && this.#opened !== undefined) this.#opened.groups?.leave(group);
  }

  /** Holds the socket open until the signal is aborted, and opens it again when the interface went and came back. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#parts;
    let complained = false;
    while (!signal.aborted) {
      try {
        await this.#serve(signal);
        complained = false;
      } catch (err) {
        const fields = { err, interface: this.#interface, protocol: this.#protocol.name };
        if (!complained) log.warn(fields, 'cannot announce on an interface; retrying');
        complained = true;
      }
      await clock.sleep(RETRY, signal).catch(() => {}); // The signal is checked above.
    }
  }

  async #serve(signal: AbortSignal): Promise<void> {
    const opened = await this.#open();
    const { socket, groups } = opened;
    try {
      if (signal.aborted) return;
      this.#opened = opened;
      for (const announced of this.#addresses.values()) this.#begin(announced, opened);
      await new Promise<void>((resolve, reject) => {
        signal.addEventListener('abort', () => resolve(), { once: true });
        socket.onFrame((frame) => this.#receive(frame, opened), reject);
      });
    } finally {
      this.#opened = undefined;
      for (const announced of this.#addresses.values()) announced.ended?.abort();
      groups?.close();
      socket.close();
    }
  }

  async #open(): Promise<Opened> {
    const { openSocket, openGroups } = this.#parts;
    const { etherType, filter, family } = this.#protocol;
    const socket = await openSocket({ interface: this.#interface, etherType, filter });
    const answerer = { mac: socket.mac, announces: (ip: IPAddress) => this.#addresses.has(printIP(ip)) };
    try {
      const groups = family === 'IPv6' ? await openGroups(this.#interface) : undefined;
      return { socket, groups, answerer };
    } catch (error) {
      socket.close();
      throw error;
    }
  }

  #receive(frame: Uint8Array, { socket, answerer }: Opened): void {
    const verdict = this.#protocol.processRequest(frame, answerer);
    this.#parts.stats.received(this.#protocol, verdict.act === 'reply' ? 'reply' : verdict.why);
    if (verdict.act === 'reply') socket.send(verdict.frame);
  }

  #begin(announced: Announced, opened: Opened): void {
    const group = this.#protocol.group(announced.ip);
    if (group !== undefined) opened.groups?.join(group);
    announced.ended = new AbortController();
    void this.#repeat(announced.ip, opened, announced.ended.signal);
  }

  async #repeat(ip: IPAddress, { socket }: Opened, signal: AbortSignal): Promise<void> {
    const { clock, log, stats } = this.#parts;
    const { count, interval } = this.#protocol.repeat;
    try {
      for (let i = 0; i < count && !signal.aborted; i++) {
        socket.send(this.#protocol.announcement(ip, socket.mac));
        stats.announced(this.#protocol);
        await clock.sleep(interval, signal).catch(() => {}); // The signal is checked above.
      }
    } catch (err) {
      // The socket's own listener learns of a lost interface, opens it again and announces everything anew.
      log.debug({ err, address: printIP(ip), interface: this.#interface }, 'cannot announce an address');
    }
  }
}
