/**
 * Reads tar archives from a stream, as image layers come. Archives are input from strangers: every size is bounded, and nothing
 * here touches a file.
 */
import { BLOCK, decodeHeader, decodeLongNames, hasLongNames, type LongNames, TarError } from '../../lib/tar/header.ts';
import { ImageError } from './errors.ts';

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

/** What a caller of {@link readTar} does with an entry; it may leave the content unread. */
export type TarVisitor = (entry: TarEntry, content: AsyncIterable<Uint8Array>) => Promise<'continue' | 'stop'>;

/** Visits the entries of an archive in order until the visitor says `stop`. Throws {@link ImageError} on a bad archive. */
export async function readTar(source: AsyncIterable<Uint8Array>, visit: TarVisitor): Promise<void> {
  try {
    await visitEntries(new ByteSource(source), visit);
  } catch (error) {
    if (error instanceof TarError)
      throw new ImageError('Corrupt', `the archive is damaged: ${error.message}`, { cause: error });
    throw error;
  }
}

async function visitEntries(input: ByteSource, visit: TarVisitor): Promise<void> {
  let long: LongNames = {};
  for (let count = 0; count < ENTRY_LIMIT; count++) {
    const block = await input.read(BLOCK);
    if (block === undefined || block.every((byte) => byte === 0)) return;
    const header = decodeHeader(block);
    const { type, size } = header;
    if (hasLongNames(header)) {
      const data = await input.read(size);
      long = { ...long, ...decodeLongNames(type, data ?? Buffer.alloc(0)) };
    } else {
      const { name, linkName } = { ...header, ...long };
      long = {};
      const content = input.section(size);
      if ((await visit({ kind: KINDS[type] ?? 'other', path: name, target: linkName, size }, content)) === 'stop')
        return;
      await drain(content);
    }
    await input.read((BLOCK - (size % BLOCK)) % BLOCK);
  }
  throw new TarError(`it has more than ${ENTRY_LIMIT} entries`);
}

const KINDS: Readonly<Record<string, TarEntry['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '5': 'directory',
  '7': 'file',
};

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

function truncated(): TarError {
  return new TarError('it ends in the middle of an entry');
}
