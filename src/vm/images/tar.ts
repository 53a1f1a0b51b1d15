/**
 * Tar archives, as image layers use them: a writer for ustar (POSIX.1-1988) and a streaming reader that also knows the
 * long names of pax (POSIX.1-2001) and GNU tar. Archives are input from strangers: every size is bounded, and nothing here
 * touches a file.
 */
import { ImageError } from './errors.ts';

const BLOCK = 512;
/** Longest name or pax record that is read; Linux paths end at 4096. */
const NAME_LIMIT = 64 * 1024;
/** Most entries of one archive: a base system has some 10,000. */
const ENTRY_LIMIT = 1_000_000;

export interface TarEntry {
  readonly kind: 'file' | 'directory' | 'symlink' | 'hardlink' | 'other';
  /** As it stands in the archive; not to be trusted as a path of this machine. */
  readonly path: string;
  /** Target of a link, else ''. */
  readonly target: string;
  /** Bytes of content. */
  readonly size: number;
}

/** A file or directory for {@link encodeTar}. Paths are relative and at most 100 bytes. */
export type TarInput =
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'file'; readonly path: string; readonly data: Uint8Array };

/** The archive as bytes. Times and owners are 0, so that the same entries always give the same bytes. */
export function encodeTar(entries: readonly TarInput[]): Buffer {
  const chunks = entries.flatMap((entry) => {
    const data = entry.kind === 'file' ? Buffer.from(entry.data) : Buffer.alloc(0);
    return [encodeHeader(entry, data.length), data, Buffer.alloc((BLOCK - (data.length % BLOCK)) % BLOCK)];
  });
  return Buffer.concat([...chunks, Buffer.alloc(2 * BLOCK)]);
}

function encodeHeader(entry: TarInput, size: number): Buffer {
  const header = Buffer.alloc(BLOCK);
  if (Buffer.byteLength(entry.path) > 100) throw new Error(`name too long for a ustar header: ${entry.path}`);
  const octal = (value: number, offset: number, width: number) =>
    header.write(`${value.toString(8).padStart(width - 1, '0')}\0`, offset, 'latin1');
  header.write(entry.path, 0, 'utf8');
  octal(entry.kind === 'file' ? 0o644 : 0o755, 100, 8);
  octal(0, 108, 8);
  octal(0, 116, 8);
  octal(size, 124, 12);
  octal(0, 136, 12);
  header.write(entry.kind === 'file' ? '0' : '5', 156, 'latin1');
  header.write('ustar\x0000', 257, 'latin1');
  header.write(`${checksum(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** What a caller of {@link readTar} does with an entry; it may leave the content unread. */
export type TarVisitor = (entry: TarEntry, content: AsyncIterable<Uint8Array>) => Promise<'continue' | 'stop'>;

/** Visits the entries of an archive in order until the visitor says `stop`. Throws {@link ImageError} on a bad archive. */
export async function readTar(source: AsyncIterable<Uint8Array>, visit: TarVisitor): Promise<void> {
  const input = new ByteSource(source);
  let longPath: string | undefined;
  let longTarget: string | undefined;
  for (let count = 0; count < ENTRY_LIMIT; count++) {
    const header = await input.read(BLOCK);
    if (header === undefined || header.every((byte) => byte === 0)) return;
    const { type, ...entry } = decodeHeader(header);
    if (type === 'x' || type === 'L' || type === 'K') {
      const text = await readName(input, entry.size);
      if (type === 'L') longPath = text.replace(/\0+$/, '');
      else if (type === 'K') longTarget = text.replace(/\0+$/, '');
      else {
        const records = decodePax(text);
        longPath = records.get('path') ?? longPath;
        longTarget = records.get('linkpath') ?? longTarget;
      }
      continue;
    }
    const content = input.section(entry.size);
    const named = { ...entry, path: longPath ?? entry.path, target: longTarget ?? entry.target };
    longPath = undefined;
    longTarget = undefined;
    if ((await visit(named, content)) === 'stop') return;
    await drain(content);
    await input.read((BLOCK - (entry.size % BLOCK)) % BLOCK);
  }
  throw new ImageError('Corrupt', `the archive has more than ${ENTRY_LIMIT} entries`);
}

const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
  '7': 'file',
};

function decodeHeader(header: Buffer): TarEntry & { readonly type: string } {
  const text = (from: number, length: number) => {
    const field = header.subarray(from, from + length);
    const end = field.indexOf(0);
    return field.toString('utf8', 0, end < 0 ? length : end);
  };
  const stated = Number.parseInt(text(148, 8).trim(), 8);
  if (stated !== checksum(header)) throw new ImageError('Corrupt', 'the archive has a header with a wrong checksum');
  const prefix = text(257, 5) === 'ustar' ? text(345, 155) : '';
  const type = header.toString('latin1', 156, 157);
  return {
    type,
    kind: KINDS[type] ?? 'other',
    path: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    target: text(157, 100),
    size: decodeSize(header.subarray(124, 136)),
  };
}

/** Octal text, or with the top bit set a binary number (GNU tar, for 8 GiB and more). */
function decodeSize(field: Buffer): number {
  const first = field[0] ?? 0;
  const size =
    first & 0x80
      ? Number(field.readBigUInt64BE(4))
      : Number.parseInt(field.toString('latin1').replace(/[\0 ]+$/, '') || '0', 8);
  if (!Number.isSafeInteger(size) || size < 0)
    throw new ImageError('Corrupt', 'the archive has an entry of impossible size');
  return size;
}

/** Sum of the header's bytes, its own checksum field counted as spaces. */
function checksum(header: Buffer): number {
  let sum = 8 * 0x20;
  for (const [i, byte] of header.entries()) if (i < 148 || i >= 156) sum += byte;
  return sum;
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

async function readName(input: ByteSource, size: number): Promise<string> {
  if (size > NAME_LIMIT) throw new ImageError('Corrupt', `the archive has a name of ${size} bytes`);
  const bytes = await input.read(size);
  await input.read((BLOCK - (size % BLOCK)) % BLOCK);
  return bytes?.toString('utf8') ?? '';
}

async function drain(content: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of content);
}

/** Reads exact numbers of bytes from a stream of chunks. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#chunks = source[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes; undefined when the stream ended before the first of them. */
  async read(length: number): Promise<Buffer | undefined> {
    const parts: Buffer[] = [];
    let missing = length;
    while (missing > 0) {
      const part = await this.#take(missing);
      if (part === undefined) {
        if (missing === length) return undefined;
        throw truncated();
      }
      parts.push(part);
      missing -= part.length;
    }
    return Buffer.concat(parts);
  }

  /** The next `length` bytes in pieces. Can be iterated again for what is left of them. */
  section(length: number): AsyncIterable<Uint8Array> {
    let missing = length;
    const next = async (): Promise<IteratorResult<Uint8Array>> => {
      if (missing === 0) return { done: true, value: undefined };
      const part = await this.#take(missing);
      if (part === undefined) throw truncated();
      missing -= part.length;
      return { done: false, value: part };
    };
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }

  async #take(most: number): Promise<Buffer | undefined> {
    while (this.#rest.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return undefined;
      this.#rest = Buffer.from(next.value.buffer, next.value.byteOffset, next.value.byteLength);
    }
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }
}

function truncated(): ImageError {
  return new ImageError('Corrupt', 'the archive ends in the middle of an entry');
}
