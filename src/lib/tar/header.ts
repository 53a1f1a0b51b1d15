/**
 * Headers of archives in the format of tar: POSIX.1-1988 ustar, with the long names of pax (POSIX.1-2001) and of GNU tar. Archives
 * are input from strangers: what is read here is checked, and nothing is taken for a path of this machine.
 */

/** Bytes of a header; contents are filled up to a multiple of it. */
export const BLOCK = 512;
/** Most bytes that the header of a long name may have: Linux' paths end at 4096. */
const LONG_NAME_MAX = 64 * 1024;

/** What is read is not a tar archive, or a broken one. */
export class TarError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TarError';
  }
}

/** A member as its header tells it. */
export interface TarHeader {
  /** One character: `0` and NUL are files, `1` hard links, `2` symbolic ones, `5` directories. */
  readonly type: string;
  readonly name: string;
  readonly linkName: string;
  readonly size: number;
}

/** Names that a header of their own has for the member after it, as they do not fit into its own. */
export interface LongNames {
  readonly name?: string;
  readonly linkName?: string;
}

/** Reads a block. Throws {@link TarError}. */
export function decodeHeader(block: Buffer): TarHeader {
  const text = (from: number, length: number): string => {
    const field = block.subarray(from, from + length);
    const nul = field.indexOf(0);
    return field.toString('utf8', 0, nul < 0 ? length : nul);
  };
  if (checksum(block) !== decodeNumber(block.subarray(148, 156))) throw new TarError('a header has a wrong checksum');
  const prefix = text(257, 5) === 'ustar' ? text(345, 155) : '';
  return {
    type: String.fromCharCode(block[156] ?? 0),
    name: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    linkName: text(157, 100),
    size: decodeNumber(block.subarray(124, 136)),
  };
}

/** Whether the bytes after the header are about the member that follows, or about all. Throws {@link TarError} when they are too many. */
export function hasLongNames({ type, size }: TarHeader): boolean {
  if (!'xgLK'.includes(type)) return false;
  if (size > LONG_NAME_MAX) throw new TarError(`an extended header of ${size} bytes is too large`);
  return true;
}

/** What {@link hasLongNames} is about: one name in each of GNU's L and K, records in pax's x. Throws {@link TarError}. */
export function decodeLongNames(type: string, data: Buffer): LongNames {
  const text = data.toString('utf8');
  if (type === 'L') return { name: text.replace(/\0+$/, '') };
  if (type === 'K') return { linkName: text.replace(/\0+$/, '') };
  // A global header is about defaults, of which none matter.
  if (type === 'g') return {};
  const records = decodePax(text);
  if (records.has('size')) throw new TarError('members of more than 8 GiB are not supported');
  const [name, linkName] = [records.get('path'), records.get('linkpath')];
  return { ...(name === undefined ? {} : { name }), ...(linkName === undefined ? {} : { linkName }) };
}

/** `LENGTH KEY=VALUE\n` records, where LENGTH counts the whole record in bytes. */
function decodePax(text: string): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (const line of text.split('\n')) {
    const match = /^\d+ ([^=]+)=(.*)$/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) records.set(match[1], match[2]);
  }
  return records;
}

/** Octal digits, or big-endian bytes after one with its highest bit set (GNU's form for what octal digits cannot hold). */
function decodeNumber(field: Buffer): number {
  const first = field[0] ?? 0;
  const digits = field.toString('latin1').replaceAll('\0', ' ').trim();
  const value =
    (first & 0x80) !== 0
      ? field.subarray(1).reduce((sum, byte) => sum * 256 + byte, first & 0x7f)
      : /^[0-7]*$/.test(digits)
        ? Number.parseInt(digits || '0', 8)
        : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TarError('a header has an impossible number');
  return value;
}

/** The sum of all bytes, with those of the checksum itself taken for spaces. */
export function checksum(block: Buffer): number {
  return block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);
}
