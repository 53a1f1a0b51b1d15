/** Ethernet II headers. */

export const ETHER_HEADER = 14;
export const BROADCAST = Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
/** Frames are padded to this length, checksum not counted: IEEE 802.3. */
const MINIMUM = 60;

export interface EthernetFrame {
  readonly destination: Uint8Array;
  readonly source: Uint8Array;
  readonly etherType: number;
  readonly payload: Uint8Array;
}

/** Undefined when the frame is shorter than its header. */
export function decodeEthernet(frame: Uint8Array): EthernetFrame | undefined {
  if (frame.length < ETHER_HEADER) return undefined;
  return {
    destination: frame.subarray(0, 6),
    source: frame.subarray(6, 12),
    etherType: ((frame[12] ?? 0) << 8) | (frame[13] ?? 0),
    payload: frame.subarray(ETHER_HEADER),
  };
}

export function encodeEthernet({ destination, source, etherType, payload }: EthernetFrame): Uint8Array {
  const frame = new Uint8Array(Math.max(ETHER_HEADER + payload.length, MINIMUM));
  frame.set(destination, 0);
  frame.set(source, 6);
  frame.set([etherType >> 8, etherType & 0xff], 12);
  frame.set(payload, ETHER_HEADER);
  return frame;
}

export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

/** Whether a MAC names exactly one host: neither a group nor all zeros. */
export function isUnicastMAC(mac: Uint8Array): boolean {
  return mac.length === 6 && ((mac[0] ?? 1) & 1) === 0 && mac.some((byte) => byte !== 0);
}

/** A MAC as a number, for sets and maps. */
export function macKey(mac: Uint8Array): number {
  return mac.reduce((key, byte) => key * 256 + byte, 0);
}
