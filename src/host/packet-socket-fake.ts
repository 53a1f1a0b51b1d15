/** A wire in memory, and packet sockets on it: what one host sends, all others receive. For tests. */
import { parseMAC } from '../lib/mac.ts';
import { type OpenPacketSocket, type PacketSocket, PacketSocketError } from './packet-socket.ts';

interface Station {
  readonly interface: string;
  readonly etherType: number;
  deliver(frame: Uint8Array): void;
  fail(): void;
}

export class FakeWire {
  /** Every frame that was sent, in order, with the interface that sent it. */
  readonly sent: { readonly interface: string; readonly frame: Uint8Array }[] = [];
  readonly #macs = new Map<string, Uint8Array>();
  readonly #stations = new Set<Station>();

  /** Adds an interface to the wire. */
  addInterface(name: string, mac: string): void {
    const bytes = parseMAC(mac);
    if (bytes === undefined) throw new Error(`not a MAC: ${mac}`);
    this.#macs.set(name, bytes);
  }

  /** Takes an interface away: its sockets fail. */
  removeInterface(name: string): void {
    this.#macs.delete(name);
    for (const station of [...this.#stations]) if (station.interface === name) station.fail();
  }

  /** Number of open sockets. */
  get open(): number {
    return this.#stations.size;
  }

  /** Sends a frame from outside. */
  inject(frame: Uint8Array, from = 'outside'): void {
    const etherType = ((frame[12] ?? 0) << 8) | (frame[13] ?? 0);
    for (const station of [...this.#stations]) {
      if (station.interface !== from && station.etherType === etherType) station.deliver(frame.slice());
    }
  }

  readonly openPacketSocket: OpenPacketSocket = async ({ interface: name, etherType }) => {
    const mac = this.#macs.get(name);
    if (mac === undefined) throw new PacketSocketError(name, 'there is no such interface');
    return this.#attach(name, mac, etherType);
  };

  #attach(name: string, mac: Uint8Array, etherType: number): PacketSocket {
    let onFrame: (frame: Uint8Array) => void = () => {};
    let onError: (error: PacketSocketError) => void = () => {};
    const close = (): void => void this.#stations.delete(station);
    const station: Station = {
      interface: name,
      etherType,
      deliver: (frame) => onFrame(frame),
      fail: () => {
        close();
        onError(new PacketSocketError(name, 'the interface is gone'));
      },
    };
    this.#stations.add(station);
    return {
      interface: name,
      ifindex: 1,
      mac,
      send: (frame) => {
        this.sent.push({ interface: name, frame });
        this.inject(frame, name);
        return true;
      },
      onFrame: (listener, failed) => {
        onFrame = listener;
        onError = failed;
      },
      join: () => {},
      leave: () => {},
      close,
    };
  }
}
