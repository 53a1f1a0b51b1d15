/**
 * Archives in the format of tar (POSIX.1-1988 ustar, with the extended headers of pax and GNU for long names): where in a file each
 * member lies. Only headers are read, so that an archive of any size costs little memory.
 */
import type { FileHandle } from 'node:fs/promises';

export interface TarMember {
  /** Without leading `./` or `/`. */
  readonly name: string;
  readonly kind: 'file' | 'link' | 'other';
  /** Where its bytes begin in the archive. */
  readonly offset: number;
  readonly size: number;
  /** Of a link: the name of the member it means, as far as it lies in the archive. */
  readonly target?: string;
}

/** What is read is not a tar archive, or a broken one. */
export class TarError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TarError';
  }
}

const BLOCK = 512;
// Images have a member per layer and a few more; what has a hundred thousand is no image.
const MAX_MEMBERS = 100_000;
const MAX_LONG_NAME = 64 * 1024;

/** Every member of an archive by name; of several with one name the last one. Throws {@link TarError}. */
export async function indexTar(file: FileHandle): Promise<ReadonlyMap<string, TarMember>> {
  const members = new Map<string, TarMember>();
  const { size: end } = await file.stat();
  let long: LongNames = {};
  for (let at = 0; at + BLOCK <= end; ) {
    const header = await readExactly(file, at, BLOCK);
    if (header.every((byte) => byte === 0)) return members;
    const { type, name, linkName, size } = parseHeader(header, at);
    const offset = at + BLOCK;
    if (offset + size > end) throw new TarError(`the archive ends within ${JSON.stringify(name)}`);
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
    if ('xgLK'.includes(type)) {
      if (size > MAX_LONG_NAME) throw new TarError(`an extended header of ${size} bytes is too large`);
      long = { ...long, ...longNames(type, await readExactly(file, offset, size)) };
      continue;
    }
    const member = memberOf(type, long.name ?? name, long.target ?? linkName, offset, size);
    members.set(member.name, member);
    long = {};
    if (members.size > MAX_MEMBERS) throw new TarError(`the archive has more than ${MAX_MEMBERS} members`);
  }
  if (members.size === 0) throw new TarError('not a tar archive: it is too short');
  return members;
}

function memberOf(type: string, name: string, linkName: string, offset: number, size: number): TarMember {
  const clean = cleanPath(name);
  if (type === '0' || type === '\0' || type === '7') return { name: clean, kind: 'file', offset, size };
  if (type !== '1' && type !== '2') return { name: clean, kind: 'other', offset, size };
  // A hard link names a member, a symbolic one a path from where it lies.
  const target = cleanPath(type === '1' ? linkName : `${clean.slice(0, clean.lastIndexOf('/') + 1)}${linkName}`);
  return { name: clean, kind: 'link', offset, size: 0, target };
}

/** Resolves `.` and `..` without ever leaving the archive. */
function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts.join('/');
}

interface Header {
  readonly type: string;
  readonly name: string;
  readonly linkName: string;
  readonly size: number;
}

function parseHeader(block: Buffer, at: number): Header {
  const text = (from: number, length: number): string => {
    const field = block.subarray(from, from + length);
    const nul = field.indexOf(0);
    return field.subarray(0, nul < 0 ? length : nul).toString('utf8');
  };
  if (checksum(block) !== parseNumber(block.subarray(148, 156))) {
    throw new TarError(at === 0 ? 'not a tar archive' : `the archive is damaged at byte ${at}`);
  }
  const prefix = text(257, 5) === 'ustar' ? text(345, 155) : '';
  return {
    type: String.fromCharCode(block[156] ?? 0),
    name: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    linkName: text(157, 100),
    size: parseNumber(block.subarray(124, 136)),
  };
}

/** The sum of all bytes, with those of the checksum itself taken for spaces. */
function checksum(block: Buffer): number {
  return block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);
}

/** Octal digits, or big-endian bytes after one with its highest bit set (GNU's form for what octal digits cannot hold). */
function parseNumber(field: Buffer): number {
  const first = field[0] ?? 0;
  const digits = field.toString('latin1').replaceAll('\0', ' ').trim();
  const value =
    (first & 0x80) !== 0
      ? field.subarray(1).reduce((sum, byte) => sum * 256 + byte, first & 0x7f)
      : /^[0-7]*$/.test(digits)
        ? Number.parseInt(digits || '0', 8)
        : Number.NaN;
  if (!Number.isSafeInteger(value)) throw new TarError('not a tar archive');
  return value;
}

interface LongNames {
  readonly name?: string;
  readonly target?: string;
}

/** The names in an extended header: GNU's L and K have one each, pax's are lines of `LENGTH KEY=VALUE`. */
function longNames(type: string, data: Buffer): LongNames {
  const text = data.toString('utf8');
  if (type === 'L') return { name: text.replace(/\0+$/, '') };
  if (type === 'K') return { target: text.replace(/\0+$/, '') };
  // A global header is about defaults, of which none matter.
  if (type === 'g') return {};
  const records = text.split('\n').map((line) => line.slice(line.indexOf(' ') + 1));
  const value = (key: string): string | undefined =>
    records.findLast((line) => line.startsWith(`${key}=`))?.slice(key.length + 1);
  const name = value('path');
  const target = value('linkpath');
  if (value('size') !== undefined) throw new TarError('members of more than 8 GiB are not supported');
  return { ...(name === undefined ? {} : { name }), ...(target === undefined ? {} : { target }) };
}

/** Reads just these bytes. Throws {@link TarError} when the file ends before. */
export async function readExactly(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new TarError('the archive is cut short');
    filled += bytesRead;
  }
  return buffer;
}
