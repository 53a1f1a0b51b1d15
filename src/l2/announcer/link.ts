/** One protocol on one interface: the socket, while the interface can be used, and the addresses that are held there. */
import type { Clock } from '../../host/clock.ts';
import type { NetworkLink } from '../../host/link-watch.ts';
import type { Logger } from '../../host/log.ts';
import type { MulticastGroups, OpenMulticastGroups } from '../../host/multicast-groups.ts';
import { paced } from '../../host/paced.ts';
import type { OpenPacketSocket, PacketSocket } from '../../host/packet-socket.ts';
import { aborted } from '../../lib/abort.ts';
import { type Duration, seconds } from '../../lib/duration.ts';
import { type IPAddress, printIP } from '../../lib/ip.ts';
import { printMAC } from '../../lib/mac.ts';
import { decodeEthernet } from '../frames/ethernet.ts';
import type { Answerer, Protocol } from '../frames/protocol.ts';
import { Agenda } from './agenda.ts';
import type { AnnouncerEvents, Traffic } from './announcement.ts';
import { Holding, type Port } from './holding.ts';
import type { L2Stats } from './stats.ts';

export interface LinkParts extends AnnouncerEvents {
  readonly openSocket: OpenPacketSocket;
  readonly openGroups: OpenMulticastGroups;
  readonly clock: Clock;
  readonly log: Logger;
  readonly stats: L2Stats;
  isOwn(mac: Uint8Array): boolean;
  /** A frame of another host has come. */
  onForeign(): void;
}

/** How long an interface that is there and cannot be opened is left alone. */
const RETRY: Duration = seconds(1);

export class Link {
  readonly name: string;
  readonly protocol: Protocol;
  readonly #parts: LinkParts;
  /** By value: all are of the protocol's family. */
  readonly #holdings = new Map<bigint, Holding>();
  /** The interface as it is to be used; undefined while it cannot be. */
  #wanted: string | undefined;
  #carrier = false;
  /** Ends the present attempt to serve the interface. */
  #attempt = new AbortController();
  #port: Port | undefined;
  #complained = false;

  constructor(name: string, protocol: Protocol, parts: LinkParts) {
    this.name = name;
    this.protocol = protocol;
    this.#parts = parts;
  }

  /** Number of addresses. */
  get size(): number {
    return this.#holdings.size;
  }

  /** Whether an address is answered for here now. */
  isAnnounced(ip: IPAddress): boolean {
    return this.#carrier && (this.#holdings.get(ip.value)?.isAnnounced ?? false);
  }

  /** Undefined when the address is not held here. */
  trafficOf(ip: IPAddress): Traffic | undefined {
    return this.#holdings.get(ip.value)?.traffic;
  }

  hold(ip: IPAddress, probe: boolean): void {
    if (this.#holdings.has(ip.value)) return;
    const { clock, stats, onChange, onConflict } = this.#parts;
    const address = printIP(ip);
    const holding = new Holding(ip, probe, {
      protocol: this.protocol,
      stats,
      onChange: () => onChange(address),
      onConflict: (mac, state) => onConflict({ address, interface: this.name, mac, since: clock.now() }, state),
    });
    this.#holdings.set(ip.value, holding);
    if (this.#port !== undefined) holding.open(this.#port);
  }

  /** Answers no more, at once. */
  release(ip: IPAddress): void {
    const holding = this.#holdings.get(ip.value);
    this.#holdings.delete(ip.value);
    holding?.end();
  }

  reannounce(ip: IPAddress): void {
    this.#holdings.get(ip.value)?.reannounce();
  }

  /** The interface is, or is again, like this; undefined: it is gone. */
  follow(link: NetworkLink | undefined, announce = false): void {
    const before = this.#carrier;
    this.#carrier = link?.carrier ?? false;
    const usable = link?.up === true && link.mac !== undefined;
    const wanted = usable ? `${link.index} ${link.mac && printMAC(link.mac)}` : undefined;
    if (wanted !== this.#wanted) {
      this.#wanted = wanted;
      this.#end();
      if (wanted !== undefined) void this.#serve();
    } else if (announce || (this.#carrier && !before)) {
      for (const holding of this.#holdings.values()) holding.reannounce();
    }
    if (before !== this.#carrier) void this.#tellAll();
  }

  /** Gives everything back. */
  close(): void {
    for (const holding of this.#holdings.values()) holding.end();
    this.#holdings.clear();
    this.#wanted = undefined;
    this.#end();
  }

  /** In short turns, since there may be many. What comes meanwhile is told of as it comes. */
  async #tellAll(): Promise<void> {
    const pace = paced();
    for (const [value, { ip }] of [...this.#holdings]) {
      await pace();
      if (this.#holdings.has(value)) this.#parts.onChange(printIP(ip));
    }
  }

  #end(): void {
    this.#attempt.abort();
    this.#stop();
  }

  #stop(): void {
    if (this.#port === undefined) return;
    this.#port = undefined;
    for (const holding of this.#holdings.values()) holding.close();
    void this.#tellAll();
  }

  /** Serves the interface for as long as it stays as it is. */
  async #serve(): Promise<void> {
    const attempt = new AbortController();
    this.#attempt = attempt;
    while (!attempt.signal.aborted) {
      try {
        await this.#serveOnce(attempt.signal);
      } catch (err) {
        if (attempt.signal.aborted) return;
        const { log } = this.#parts;
        const fields = { err, interface: this.name, protocol: this.protocol.name };
        if (!this.#complained) log.warn(fields, 'cannot announce on an interface; retrying');
        this.#complained = true;
      }
      await this.#parts.clock.sleep(RETRY, attempt.signal).catch(() => {}); // The signal is checked above.
    }
  }

  async #serveOnce(signal: AbortSignal): Promise<void> {
    const { openSocket, openGroups } = this.#parts;
    const { etherType, filter, family } = this.protocol;
    const socket = await openSocket({ interface: this.name, etherType, filter });
    const failed = new AbortController();
    let groups: MulticastGroups | undefined;
    try {
      if (family === 'IPv6') groups = await openGroups(this.name);
      if (signal.aborted) return;
      const ended = AbortSignal.any([signal, failed.signal]);
      const onError = (error: unknown): void => failed.abort(error);
      this.#begin(socket, this.#portOf(socket, groups, new Agenda(this.#parts.clock, ended), onError), onError);
      await aborted(ended);
      failed.signal.throwIfAborted();
    } finally {
      // After an abort the next attempt may have begun, and what it has is not ours to end.
      if (!signal.aborted) this.#stop();
      groups?.close();
      socket.close();
    }
  }

  #begin(socket: PacketSocket, port: Port, onError: (error: unknown) => void): void {
    this.#complained = false;
    this.#port = port;
    const answerer: Answerer = {
      mac: socket.mac,
      stance: (ip) => this.#holdings.get(ip.value)?.stance,
      isOwn: this.#parts.isOwn,
    };
    for (const holding of this.#holdings.values()) holding.open(port);
    socket.onFrame((frame) => this.#receive(frame, answerer, socket), onError);
  }

  #portOf(
    socket: PacketSocket,
    groups: MulticastGroups | undefined,
    agenda: Agenda,
    onError: (error: unknown) => void,
  ): Port {
    const attempt = (what: () => void): void => {
      try {
        what();
      } catch (error) {
        onError(error);
      }
    };
    return {
      mac: socket.mac,
      agenda,
      send: (frame) => attempt(() => void socket.send(frame)),
      join: (group) => attempt(() => groups?.join(group)),
      leave: (group) => attempt(() => groups?.leave(group)),
    };
  }

  #receive(frame: Uint8Array, answerer: Answerer, socket: PacketSocket): void {
    const { stats, isOwn, onForeign, onClaim } = this.#parts;
    const source = decodeEthernet(frame)?.source;
    if (source !== undefined && !isOwn(source)) onForeign();
    const verdict = this.protocol.judge(frame, answerer);
    stats.count(this.protocol, verdict.act === 'ignore' ? verdict.why : verdict.act);
    if (verdict.act === 'reply') {
      socket.send(verdict.frame);
      this.#holdings.get(verdict.ip.value)?.answered();
    }
    if (verdict.act !== 'claim') return;
    const mac = printMAC(verdict.mac);
    const by = onClaim({ address: printIP(verdict.ip), mac, interface: this.name });
    this.#holdings.get(verdict.ip.value)?.claimed(mac, by);
  }
}
