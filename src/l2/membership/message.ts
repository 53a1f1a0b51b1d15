/**
 * A heartbeat as bytes. One message is the same for all its receivers: what it says to one of them stands in its view.
 *
 * All numbers are big-endian:
 *
 *     magic 2, version 1, flags 1, incarnation 6, sequence 6, interval 2, name 1 + n, MACs 1 + 6n, view 2 + 21n, ..., tag 16
 *
 * Flags that are not known, and bytes between the view and the tag, are left alone: later versions may add some.
 */
import { createHash } from 'node:crypto';

/** What the sender knows of another node that it has received something of lately. */
export interface Seen {
  /** {@link nodeId} of that node. */
  readonly id: number;
  /** Whether that node's heartbeats arrive there fresh, so that both have the other's. */
  readonly hears: boolean;
  /** What that node said of itself. */
  readonly leaving: boolean;
  readonly silent: boolean;
  /** The echo: the latest heartbeat of that node that arrived there. */
  readonly incarnation: number;
  readonly sequence: number;
  /** Milliseconds between its arrival and this message. */
  readonly held: number;
}

export interface Heartbeat {
  readonly sender: string;
  /** Random, another one for every start of the sender. 48 bits, as everything here that has to be unique. */
  readonly incarnation: number;
  /** One more with every heartbeat of an incarnation. */
  readonly sequence: number;
  /** Milliseconds between the sender's heartbeats. */
  readonly interval: number;
  /** The sender is about to stop. */
  readonly leaving: boolean;
  /** The sender will not announce now, and is to be passed over. */
  readonly silent: boolean;
  /** Ethernet addresses from which the sender announces, as numbers. */
  readonly macs: readonly number[];
  readonly view: readonly Seen[];
}

/** Why bytes are not a heartbeat that can be read. */
export type Unreadable = 'not-a-heartbeat' | 'other-version' | 'malformed';

export const TAG_LENGTH = 16;
/** A view of 1,000 nodes fits; whatever is larger is dropped unread. Up to 65 nodes a message fits into an Ethernet frame. */
export const MAX_MESSAGE = 24 * 1024;
export const MAX_VIEW = 1000;
export const MAX_MACS = 16;

const MAGIC = 0x5048;
const VERSION = 1;
const LEAVING = 0b001;
const SILENT = 0b010;
const HEARS = 0b100;
const SEEN_LENGTH = 21;
const NAME_AT = 18;
/** Of what is held in units of 0.1 ms. */
const HELD_MAX = 0xffff;

/** A node's name in 48 bits: among 1,000 nodes, two share one with a chance of 1 in 500 million. */
export function nodeId(name: string): number {
  return createHash('sha256').update(name).digest().readUIntBE(0, 6);
}

/** The message up to its tag, with room for it. */
export function encodeHeartbeat(heartbeat: Heartbeat): Buffer {
  const name = Buffer.from(heartbeat.sender, 'utf8');
  const macs = heartbeat.macs.slice(0, MAX_MACS);
  const view = heartbeat.view.slice(0, MAX_VIEW);
  const bytes = Buffer.alloc(NAME_AT + 4 + name.length + macs.length * 6 + view.length * SEEN_LENGTH + TAG_LENGTH);
  bytes.writeUInt16BE(MAGIC, 0);
  bytes.writeUInt8(VERSION, 2);
  bytes.writeUInt8(flagsOf(heartbeat), 3);
  bytes.writeUIntBE(heartbeat.incarnation, 4, 6);
  bytes.writeUIntBE(heartbeat.sequence, 10, 6);
  bytes.writeUInt16BE(Math.min(heartbeat.interval, 0xffff), 16);
  let at = bytes.writeUInt8(name.length, NAME_AT);
  at += name.copy(bytes, at);
  at = bytes.writeUInt8(macs.length, at);
  for (const mac of macs) at = bytes.writeUIntBE(mac, at, 6);
  at = bytes.writeUInt16BE(view.length, at);
  for (const seen of view) at = writeSeen(bytes, at, seen);
  return bytes;
}

function writeSeen(bytes: Buffer, start: number, seen: Seen): number {
  let at = bytes.writeUIntBE(seen.id, start, 6);
  at = bytes.writeUInt8(flagsOf(seen) | (seen.hears ? HEARS : 0), at);
  at = bytes.writeUIntBE(seen.incarnation, at, 6);
  at = bytes.writeUIntBE(seen.sequence, at, 6);
  return bytes.writeUInt16BE(Math.min(Math.round(seen.held * 10), HELD_MAX), at);
}

function flagsOf({ leaving, silent }: { readonly leaving: boolean; readonly silent: boolean }): number {
  return (leaving ? LEAVING : 0) | (silent ? SILENT : 0);
}

/** Which heartbeat of its sender bytes claim to be, before anything about them is checked; undefined: none. */
export function claimedOrder(bytes: Buffer): { readonly incarnation: number; readonly sequence: number } | undefined {
  if (bytes.length < NAME_AT || bytes.readUInt16BE(0) !== MAGIC) return undefined;
  return { incarnation: bytes.readUIntBE(4, 6), sequence: bytes.readUIntBE(10, 6) };
}

/** Reads bytes from the network, whose tag is the caller's to check. */
export function decodeHeartbeat(bytes: Buffer): Heartbeat | Unreadable {
  const end = bytes.length - TAG_LENGTH;
  if (bytes.length > MAX_MESSAGE || end < 3 || bytes.readUInt16BE(0) !== MAGIC) return 'not-a-heartbeat';
  if (bytes.readUInt8(2) !== VERSION) return 'other-version';
  if (end < NAME_AT + 1) return 'malformed';
  const macsAt = NAME_AT + 1 + bytes.readUInt8(NAME_AT);
  if (macsAt + 1 > end) return 'malformed';
  const viewAt = macsAt + 1 + 6 * bytes.readUInt8(macsAt);
  if (bytes.readUInt8(macsAt) > MAX_MACS || viewAt + 2 > end) return 'malformed';
  const count = bytes.readUInt16BE(viewAt);
  if (count > MAX_VIEW || viewAt + 2 + count * SEEN_LENGTH > end) return 'malformed';
  const flags = bytes.readUInt8(3);
  return {
    sender: bytes.toString('utf8', NAME_AT + 1, macsAt),
    incarnation: bytes.readUIntBE(4, 6),
    sequence: bytes.readUIntBE(10, 6),
    interval: bytes.readUInt16BE(16),
    leaving: (flags & LEAVING) !== 0,
    silent: (flags & SILENT) !== 0,
    macs: Array.from({ length: bytes.readUInt8(macsAt) }, (_, i) => bytes.readUIntBE(macsAt + 1 + 6 * i, 6)),
    view: Array.from({ length: count }, (_, i) => readSeen(bytes, viewAt + 2 + i * SEEN_LENGTH)),
  };
}

function readSeen(bytes: Buffer, at: number): Seen {
  const flags = bytes.readUInt8(at + 6);
  return {
    id: bytes.readUIntBE(at, 6),
    hears: (flags & HEARS) !== 0,
    leaving: (flags & LEAVING) !== 0,
    silent: (flags & SILENT) !== 0,
    incarnation: bytes.readUIntBE(at + 7, 6),
    sequence: bytes.readUIntBE(at + 13, 6),
    held: bytes.readUInt16BE(at + 19) / 10,
  };
}
