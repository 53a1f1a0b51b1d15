/**
 * Frames of SPDY/3.1, from and to bytes. Numbers are big-endian.
 * https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/#26-control-frames
 */
import { SpdyError } from './error.ts';

const VERSION = 3;
const SYN_STREAM = 1;
const SYN_REPLY = 2;
const RST_STREAM = 3;
const PING = 6;
const GOAWAY = 7;
const FIN = 0x01;
const HEAD = 8;
/** Longest control frame that is taken. */
const CONTROL_LIMIT = 64 * 1024;

/** Why a stream is reset. */
export const RESET = { protocolError: 1, invalidStream: 2, refusedStream: 3, cancel: 5 } as const;

/** Blocks of headers are as they came, compressed. Settings, windows and what is unknown are `other`. */
export type Frame =
  | { readonly kind: 'syn-stream'; readonly id: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'syn-reply'; readonly id: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'headers'; readonly id: number; readonly fin: boolean; readonly block: Buffer }
  | { readonly kind: 'rst-stream'; readonly id: number; readonly status: number }
  | { readonly kind: 'ping'; readonly id: number }
  | { readonly kind: 'goaway' }
  /** A frame of data, or as much of one as has come. `fin` only with the last of it. */
  | { readonly kind: 'data'; readonly id: number; readonly fin: boolean; readonly bytes: Buffer }
  | { readonly kind: 'other'; readonly type: number };

/** Takes bytes as they come. Data is passed on as it comes, control frames when they are whole. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0);
  /** The frame of data that we are in. */
  #data: { readonly id: number; readonly fin: boolean; left: number } | undefined;

  /** The frames in it. Throws a {@link SpdyError}, after which there is nothing to be read any more. */
  *take(chunk: Buffer): Generator<Frame, void, undefined> {
    let bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    this.#rest = Buffer.alloc(0);
    while (bytes.length > 0) {
      const taken = this.#data === undefined ? this.#begin(bytes) : this.#continue(bytes, this.#data);
      if (taken === undefined) {
        this.#rest = bytes;
        return;
      }
      bytes = bytes.subarray(taken.length);
      if (taken.frame !== undefined) yield taken.frame;
    }
  }

  #begin(bytes: Buffer): Taken | undefined {
    if (bytes.length < HEAD) return undefined;
    const first = bytes.readUInt32BE(0);
    const flags = bytes[4] ?? 0;
    const length = bytes.readUIntBE(5, 3);
    const fin = (flags & FIN) !== 0;
    if (first < 0x8000_0000) {
      if (length === 0) return { frame: { kind: 'data', id: first, fin, bytes: Buffer.alloc(0) }, length: HEAD };
      this.#data = { id: first, fin, left: length };
      return { frame: undefined, length: HEAD };
    }
    const version = (first >>> 16) & 0x7fff;
    if (version !== VERSION) throw new SpdyError(`version ${version} of SPDY is not ${VERSION}`);
    if (length > CONTROL_LIMIT)
      throw new SpdyError(`a control frame of ${length} bytes is longer than ${CONTROL_LIMIT}`);
    if (bytes.length < HEAD + length) return undefined;
    return { frame: controlFrame(first & 0xffff, fin, bytes.subarray(HEAD, HEAD + length)), length: HEAD + length };
  }

  #continue(bytes: Buffer, data: { readonly id: number; readonly fin: boolean; left: number }): Taken {
    const piece = bytes.subarray(0, data.left);
    data.left -= piece.length;
    if (data.left === 0) this.#data = undefined;
    return {
      frame: { kind: 'data', id: data.id, fin: data.fin && data.left === 0, bytes: piece },
      length: piece.length,
    };
  }
}

interface Taken {
  /** Undefined for the head of a frame whose data follows. */
  readonly frame: Frame | undefined;
  readonly length: number;
}

/** Bytes before the block of headers, the id included. */
const BEFORE_BLOCK: Readonly<Record<number, number>> = { [SYN_STREAM]: 10, [SYN_REPLY]: 4, 8: 4 };
const WITH_BLOCK = { [SYN_STREAM]: 'syn-stream', [SYN_REPLY]: 'syn-reply', 8: 'headers' } as const;

function controlFrame(type: number, fin: boolean, body: Buffer): Frame {
  const before = BEFORE_BLOCK[type] ?? (type === RST_STREAM ? 8 : type === PING ? 4 : 0);
  if (body.length < before) throw new SpdyError(`a control frame of type ${type} has only ${body.length} bytes`);
  switch (type) {
    case SYN_STREAM:
    case SYN_REPLY:
    case 8:
      return { kind: WITH_BLOCK[type], id: idAt(body), fin, block: body.subarray(before) };
    case RST_STREAM:
      return { kind: 'rst-stream', id: idAt(body), status: body.readUInt32BE(4) };
    case PING:
      return { kind: 'ping', id: body.readUInt32BE(0) };
    case GOAWAY:
      return { kind: 'goaway' };
    default:
      return { kind: 'other', type };
  }
}

const idAt = (body: Buffer): number => body.readUInt32BE(0) & 0x7fff_ffff;

/** A frame that opens a stream. */
export function synStream(id: number, block: Buffer): Buffer {
  // No associated stream, and the highest priority, as Kubernetes' clients ask.
  return control(SYN_STREAM, 0, Buffer.concat([numbers(id, 0), Buffer.alloc(2), block]));
}

/** A frame that takes a stream. */
export function synReply(id: number, block: Buffer): Buffer {
  return control(SYN_REPLY, 0, Buffer.concat([numbers(id), block]));
}

/** A frame that ends a stream in both directions. */
export function rstStream(id: number, status: number): Buffer {
  return control(RST_STREAM, 0, numbers(id, status));
}

/** A frame that is to be sent back. */
export function ping(id: number): Buffer {
  return control(PING, 0, numbers(id));
}

/** The session ends; `last` is the last stream of the other side that was taken. */
export function goAway(last: number): Buffer {
  return control(GOAWAY, 0, numbers(last, 0));
}

/** The head of a frame of data, which the data follows. */
export function dataHead(id: number, length: number, fin: boolean): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(id, 0);
  head.writeUInt32BE(length, 4);
  head[4] = fin ? FIN : 0;
  return head;
}

function control(type: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt16BE(0x8000 | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head.writeUInt32BE(body.length, 4);
  head[4] = flags;
  return Buffer.concat([head, body]);
}

function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length);
  for (const [i, value] of values.entries()) bytes.writeUInt32BE(value, 4 * i);
  return bytes;
}
