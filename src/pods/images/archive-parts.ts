/** What is in archives of images, and how it is read without trusting it. */
import type { FileHandle } from 'node:fs/promises';
import { readExactly, type TarMember } from './tar.ts';

export interface Descriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** Bytes that an image is made of: in the archive, or made from what is there. */
export type BlobSource =
  | { readonly kind: 'member'; readonly offset: number; readonly size: number }
  | { readonly kind: 'bytes'; readonly data: Buffer };

/** A blob, where its bytes are, and what it names. */
export interface ArchiveBlob extends Descriptor {
  readonly source: BlobSource;
  /** What it names in turn, and what must not be removed before it. */
  readonly children: readonly Descriptor[];
}

/** An image in an archive. */
export interface ArchivedImage {
  /** As in the archive, complete or not; undefined when it has none. */
  readonly name: string | undefined;
  readonly target: Descriptor;
  /** What the target is made of, itself last. */
  readonly blobs: readonly ArchiveBlob[];
}

/** A file that is no archive of images, or not a whole one; or one whose image has no name, or none that it can have. */
export class ArchiveError extends Error {
  readonly kind: 'malformed' | 'unnamed' | 'misnamed';

  constructor(message: string, options: ErrorOptions & { readonly kind?: ArchiveError['kind'] } = {}) {
    super(message, options);
    this.name = 'ArchiveError';
    this.kind = options.kind ?? 'malformed';
  }
}

/** Members of an archive by name. */
export type Members = ReadonlyMap<string, TarMember>;

// Index, manifests and configs are small; a JSON text of more than that is an attack.
const MAX_JSON_BYTES = 4 * 1024 * 1024;

/** A member that is a JSON text. */
export async function readJSON(
  file: FileHandle,
  member: { name: string; offset: number; size: number },
): Promise<unknown> {
  if (member.size > MAX_JSON_BYTES) throw new ArchiveError(`${member.name} is larger than ${MAX_JSON_BYTES} bytes`);
  try {
    return JSON.parse((await readExactly(file, member.offset, member.size)).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError)
      throw new ArchiveError(`${member.name} is no JSON: ${error.message}`, { cause: error });
    throw error;
  }
}

/** The member of a name, links followed. */
export function fileIn(members: Members, name: string): TarMember {
  let member = members.get(name);
  for (let hops = 0; member?.kind === 'link' && hops < 8; hops++) member = members.get(member.target ?? '');
  if (member?.kind !== 'file') throw new ArchiveError(`the archive lacks ${name}`);
  return member;
}

const CHUNK = 1024 * 1024;

/** Parts of a blob, one after the other. */
export async function* chunksOf(file: FileHandle, source: BlobSource): AsyncGenerator<Buffer> {
  if (source.kind === 'bytes') {
    yield source.data;
    return;
  }
  for (let done = 0; done < source.size; done += CHUNK) {
    yield await readExactly(file, source.offset + done, Math.min(CHUNK, source.size - done));
  }
}

// JSON of strangers

/** The value as an object. Throws {@link ArchiveError}. */
export function recordOf(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ArchiveError(`${what}: not an object`);
  return value as Readonly<Record<string, unknown>>;
}

const MAX_LIST = 1000;

/** The value as a list, which is not too long. Throws {@link ArchiveError}. */
export function listOf(value: unknown, what: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new ArchiveError(`${what}: not a list`);
  if (value.length > MAX_LIST) throw new ArchiveError(`${what}: more than ${MAX_LIST} entries`);
  return value;
}

/** The value as a string. Throws {@link ArchiveError}. */
export function stringOf(value: unknown, what: string): string {
  if (typeof value !== 'string') throw new ArchiveError(`${what}: not a string`);
  return value;
}
