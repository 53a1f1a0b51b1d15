/**
 * How the store lies in LMDB, as bytes. Four databases:
 *
 * - `current`: key -> the entry as it is now
 * - `past`: key, NUL, revision that ended it -> an entry as it was until then
 * - `log`: revision, number within it -> what happened to which key; the values are in the other two
 * - `meta`: layout, newest revision, oldest revision that can be read
 *
 * An entry is written once when it is current and once more when it becomes past. Numbers are big-endian, so that their
 * order is that of the bytes.
 */
import type { Entry, Revision } from '../store.ts';

/** Bytes of a revision, and of an entry's two before its value. */
const REVISION_BYTES = 8;
const HEADER_BYTES = 2 * REVISION_BYTES;

/** A record that is not as this file writes it: the file is damaged, or not ours. */
export class StoreFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoreFormatError';
  }
}

export function encodeKey(key: string): Buffer {
  return Buffer.from(key, 'utf8');
}

export function decodeKey(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('utf8');
}

export function encodeRevision(revision: Revision): Buffer {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES);
  bytes.writeBigUInt64BE(BigInt(revision));
  return bytes;
}

export function decodeRevision(bytes: Uint8Array): Revision {
  if (bytes.length !== REVISION_BYTES) throw new StoreFormatError(`a revision has 8 bytes, not ${bytes.length}`);
  return readRevision(bytes, 0);
}

/** `created`, `modified`, value. */
export function encodeEntry(entry: Entry): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + entry.value.length);
  bytes.writeBigUInt64BE(BigInt(entry.created), 0);
  bytes.writeBigUInt64BE(BigInt(entry.modified), REVISION_BYTES);
  bytes.set(entry.value, HEADER_BYTES);
  return bytes;
}

/** The value shares memory with `bytes`. */
export function decodeEntry(key: string, bytes: Uint8Array): Entry {
  const modified = decodeModified(bytes);
  const value = new Uint8Array(bytes.buffer, bytes.byteOffset + HEADER_BYTES, bytes.length - HEADER_BYTES);
  return { key, value, created: readRevision(bytes, 0), modified };
}

/** As {@link decodeEntry}, only when the entry was last modified. */
export function decodeModified(bytes: Uint8Array): Revision {
  if (bytes.length < HEADER_BYTES) throw new StoreFormatError(`an entry has at least 16 bytes, not ${bytes.length}`);
  return readRevision(bytes, REVISION_BYTES);
}

/** Key of a past entry. NUL orders a key's versions before every longer key. */
export function encodePastKey(key: string, ended: Revision): Buffer {
  return Buffer.concat([encodeKey(key), Buffer.of(0), encodeRevision(ended)]);
}

export function decodePastKey(bytes: Uint8Array): { readonly key: string; readonly ended: Revision } {
  const end = bytes.length - REVISION_BYTES - 1;
  if (end < 1 || bytes[end] !== 0) throw new StoreFormatError('the key of a past entry lacks its revision');
  return { key: decodeKey(bytes.subarray(0, end)), ended: readRevision(bytes, end + 1) };
}

export interface LogRecord {
  readonly kind: 'put' | 'delete';
  readonly key: string;
  readonly revision: Revision;
  /** Place among the changes of the revision, from 0. */
  readonly index: number;
}

export function encodeLogKey(revision: Revision, index: number): Buffer {
  const bytes = Buffer.allocUnsafe(REVISION_BYTES + 4);
  bytes.writeBigUInt64BE(BigInt(revision), 0);
  bytes.writeUInt32BE(index, REVISION_BYTES);
  return bytes;
}

export function encodeLogValue(kind: LogRecord['kind'], key: string): Buffer {
  return Buffer.concat([Buffer.from(kind === 'put' ? 'P' : 'D'), encodeKey(key)]);
}

export function decodeLog(keyBytes: Uint8Array, value: Uint8Array): LogRecord {
  if (keyBytes.length !== REVISION_BYTES + 4) throw new StoreFormatError('the key of a log record has 12 bytes');
  const kind = value[0] === 0x50 ? 'put' : value[0] === 0x44 ? 'delete' : undefined;
  if (kind === undefined) throw new StoreFormatError(`a log record begins with P or D, not with byte ${value[0]}`);
  const view = new DataView(keyBytes.buffer, keyBytes.byteOffset);
  return {
    kind,
    key: decodeKey(value.subarray(1)),
    revision: readRevision(keyBytes, 0),
    index: view.getUint32(REVISION_BYTES),
  };
}

/** The bytes after the last that begins with `prefix`; undefined for the empty prefix. UTF-8 has no byte 255. */
export function afterPrefix(prefix: string): Buffer | undefined {
  const bytes = encodeKey(prefix);
  const last = bytes.at(-1);
  if (last === undefined) return undefined;
  bytes[bytes.length - 1] = last + 1;
  return bytes;
}

function readRevision(bytes: Uint8Array, offset: number): Revision {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset));
}
