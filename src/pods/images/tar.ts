/** Where in a tar archive each member lies. Only headers are read, so that an archive of any size costs little memory. */
import type { FileHandle } from 'node:fs/promises';
import {
  BLOCK,
  decodeHeader,
  decodeLongNames,
  hasLongNames,
  type LongNames,
  TarError,
  type TarHeader,
} from '../../lib/tar/header.ts';

/** A member of an archive, by where it lies in it. */
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

// Images have a member per layer and a few more; what has a hundred thousand is no image.
const MAX_MEMBERS = 100_000;

/** Every member of an archive by name; of several with one name the last one. Throws {@link TarError}. */
export async function indexTar(file: FileHandle): Promise<ReadonlyMap<string, TarMember>> {
  const members = new Map<string, TarMember>();
  const { size: end } = await file.stat();
  let long: LongNames = {};
  for (let at = 0; at + BLOCK <= end; ) {
    const block = await readExactly(file, at, BLOCK);
    if (block.every((byte) => byte === 0)) return members;
    const header = headerAt(block, at);
    const { type, name, size } = header;
    const offset = at + BLOCK;
    if (offset + size > end) throw new TarError(`the archive ends within ${JSON.stringify(name)}`);
    at = offset + Math.ceil(size / BLOCK) * BLOCK;
    if (hasLongNames(header)) {
      long = { ...long, ...decodeLongNames(type, await readExactly(file, offset, size)) };
      continue;
    }
    const member = memberOf({ ...header, ...long }, offset);
    members.set(member.name, member);
    long = {};
    if (members.size > MAX_MEMBERS) throw new TarError(`the archive has more than ${MAX_MEMBERS} members`);
  }
  if (members.size === 0) throw new TarError('not a tar archive: it is too short');
  return members;
}

function headerAt(block: Buffer, at: number): TarHeader {
  try {
    return decodeHeader(block);
  } catch (error) {
    if (!(error instanceof TarError)) throw error;
    throw new TarError(at === 0 ? 'not a tar archive' : `the archive is damaged at byte ${at}: ${error.message}`);
  }
}

function memberOf({ type, name, linkName, size }: TarHeader, offset: number): TarMember {
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
