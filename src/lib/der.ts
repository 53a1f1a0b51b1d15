/**
 * Reading DER, the encoding of certificates and of requests for them: ITU-T X.690. Bytes come from anybody, so every length is
 * checked against what there is, and nothing is read deeper than its caller asks for.
 */

/** What cannot be read; the message says what is wrong with it. */
export class DERError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'DERError';
  }
}

/** Tags as they stand in the first byte: class and form included. */
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: its tag, what is in it, and all of its bytes. */
export interface DERValue {
  readonly tag: number;
  readonly content: Uint8Array;
  readonly bytes: Uint8Array;
}

/** The single value that all of `bytes` is. Throws {@link DERError}. */
export function readDER(bytes: Uint8Array): DERValue {
  const { value, end } = readAt(bytes, 0);
  if (end !== bytes.length) throw new DERError('there is more after the end');
  return value;
}

/** The values that stand in one, in their order; `tag` is what it has to be. Throws {@link DERError}. */
export function readAll(value: DERValue, tag: number): readonly DERValue[] {
  if (value.tag !== tag) throw new DERError(`expected tag 0x${tag.toString(16)}, found 0x${value.tag.toString(16)}`);
  const values: DERValue[] = [];
  for (let at = 0; at < value.content.length; ) {
    const { value: next, end } = readAt(value.content, at);
    values.push(next);
    at = end;
  }
  return values;
}

/** An object identifier as dotted numbers. Throws {@link DERError}. */
export function readOID({ tag, content }: DERValue): string {
  if (tag !== TAG.oid || content.length === 0 || content.length > 64)
    throw new DERError('expected an object identifier');
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (!Number.isSafeInteger(number)) throw new DERError('an object identifier has a number that is too large');
    if (byte >= 0x80) continue;
    numbers.push(number);
    number = 0;
  }
  if ((content.at(-1) ?? 0) >= 0x80) throw new DERError('an object identifier is cut off');
  const [first = 0, ...rest] = numbers;
  const root = Math.min(Math.floor(first / 40), 2);
  return [root, first - root * 40, ...rest].join('.');
}

/** The bytes of a BIT STRING of whole bytes. Throws {@link DERError}. */
export function readBits({ tag, content }: DERValue): Uint8Array {
  if (tag !== TAG.bitString || content[0] !== 0) throw new DERError('expected a string of whole bytes');
  return content.subarray(1);
}

/** The text of one of the string types that names use: UTF-8, printable, IA5 and such; undefined for others. */
export function readText({ tag, content }: DERValue): string | undefined {
  if (![0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a].includes(tag)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    return undefined; // Not text: the caller says what it is for.
  }
}

function readAt(bytes: Uint8Array, at: number): { readonly value: DERValue; readonly end: number } {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) throw new DERError('it is cut off');
  if ((tag & 0x1f) === 0x1f) throw new DERError('it has a tag of several bytes');
  const { length, start } = first < 0x80 ? { length: first, start: at + 2 } : longLength(bytes, at + 2, first & 0x7f);
  const end = start + length;
  if (end > bytes.length) throw new DERError('it is cut off');
  return { value: { tag, content: bytes.subarray(start, end), bytes: bytes.subarray(at, end) }, end };
}

/** A length that takes `count` bytes. DER has the shortest form only. */
function longLength(bytes: Uint8Array, at: number, count: number): { readonly length: number; readonly start: number } {
  if (count === 0 || count > 4 || at + count > bytes.length) throw new DERError('it has a length that cannot be');
  const length = bytes.subarray(at, at + count).reduce((sum, byte) => sum * 256 + byte, 0);
  if (length < 0x80 || bytes[at] === 0) throw new DERError('it has a length that is not written as DER does');
  return { length, start: at + count };
}
