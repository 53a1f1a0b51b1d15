/**
 * Netlink messages and their attributes, both ways. Lengths and types are in the machine's own byte order, which is
 * little-endian wherever Node.js 24 runs; what an attribute holds is its owner's to say.
 * https://docs.kernel.org/userspace-api/netlink/intro.html
 */
import { HEADER } from './netlink.ts';

/** Bit of an attribute's type that says that it holds attributes (linux/netlink.h). */
const NLA_F_NESTED = 0x8000;
/** What is left of an attribute's type without its flags. */
const NLA_TYPE_MASK = 0x3fff;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  /** All behind `struct nlmsghdr`: a view of what was read. */
  readonly payload: Uint8Array;
}

/** The whole messages of one receive; what is cut short is left out. */
export function* readMessages(bytes: Uint8Array): Iterable<NetlinkMessage> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at + HEADER <= bytes.length; ) {
    const length = view.getUint32(at, true);
    if (length < HEADER || at + length > bytes.length) return;
    yield {
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      payload: bytes.subarray(at + HEADER, at + length),
    };
    at += aligned(length);
  }
}

/** The attributes of a message or of a nest, by type, as views; of equal types the last. What is cut short is left out. */
export function readAttributes(bytes: Uint8Array): ReadonlyMap<number, Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = new Map<number, Uint8Array>();
  for (let at = 0; at + 4 <= bytes.length; ) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > bytes.length) break;
    found.set(view.getUint16(at + 2, true) & NLA_TYPE_MASK, bytes.subarray(at + 4, at + length));
    at += aligned(length);
  }
  return found;
}

/** A message: its header, then the parts, each of which ends at a multiple of four bytes. */
export function message(type: number, flags: number, parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(HEADER + size(parts));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, type, true);
  view.setUint16(6, flags, true);
  put(parts, bytes, HEADER);
  return bytes;
}

/** One attribute, padded. */
export function attribute(type: number, value: Uint8Array): Uint8Array {
  const length = 4 + value.length;
  const bytes = new Uint8Array(aligned(length));
  const view = new DataView(bytes.buffer);
  view.setUint16(0, length, true);
  view.setUint16(2, type, true);
  bytes.set(value, 4);
  return bytes;
}

/** An attribute that holds others. */
export function nested(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const value = new Uint8Array(size(parts));
  put(parts, value, 0);
  return attribute(type | NLA_F_NESTED, value);
}

/** Numbers as most of netfilter's attributes hold them: in network byte order. */
export const uint8 = (value: number): Uint8Array => Uint8Array.of(value);
export const uint16 = (value: number): Uint8Array => Uint8Array.of(value >>> 8, value);
export const uint32 = (value: number): Uint8Array => Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);

/** The inverse; undefined when there are too few bytes. */
export function readUint(bytes: Uint8Array | undefined, width: 1 | 2 | 4): number | undefined {
  if (bytes === undefined || bytes.length < width) return undefined;
  let value = 0;
  for (let i = 0; i < width; i++) value = value * 256 + (bytes[i] ?? 0);
  return value;
}

/** Messages and attributes begin at multiples of four bytes. */
const aligned = (length: number): number => (length + 3) & ~3;
const size = (parts: readonly Uint8Array[]): number => parts.reduce((sum, { length }) => sum + length, 0);

function put(parts: readonly Uint8Array[], into: Uint8Array, start: number): void {
  let at = start;
  for (const part of parts) {
    into.set(part, at);
    at += part.length;
  }
}
