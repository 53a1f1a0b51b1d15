/**
 * Blocks of headers. All blocks of one direction are one stream of zlib, so they are read and written in order.
 * https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/#2610-namevalue-header-block
 */
import { createInflate, type Inflate } from 'node:zlib';
import { DICTIONARY } from './dictionary.ts';
import { SpdyError } from './error.ts';

/** By name, in lower case. */
export type Headers = Readonly<Record<string, string>>;

/** Bytes of a block, once it is unpacked. */
const BLOCK_LIMIT = 64 * 1024;
const HEADERS_MAX = 64;

/** zlib, 32 KiB window, no dictionary: RFC 1950 section 2.2. */
const ZLIB_HEAD = Buffer.from([0x78, 0x01]);
/** Most that a stored block holds: RFC 1951 section 3.2.4. */
const STORED_LIMIT = 0xffff;
/** A stored block of nothing, as a flush writes it: Go's reader hands out what it has read when it meets one. */
const FLUSH = Buffer.from([0, 0, 0, 0xff, 0xff]);

/** Writes blocks as zlib streams may hold them, uncompressed: they are short and few. */
export class HeaderWriter {
  #begun = false;

  write(headers: Headers): Buffer {
    const entries = Object.entries(headers);
    const block = Buffer.concat([
      uint32(entries.length),
      ...entries.flatMap(([name, value]) => [text(name), text(value)]),
    ]);
    if (block.length > STORED_LIMIT)
      throw new SpdyError(`headers of ${block.length} bytes are longer than ${STORED_LIMIT}`);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(block.length, 1);
    head.writeUInt16LE(~block.length & 0xffff, 3);
    const parts = [...(this.#begun ? [] : [ZLIB_HEAD]), head, block, FLUSH];
    this.#begun = true;
    return Buffer.concat(parts);
  }
}

/** Reads blocks, one after the other. */
export class HeaderReader {
  readonly #inflate: Inflate = createInflate({ dictionary: DICTIONARY });
  #failed: SpdyError | undefined;

  constructor() {
    this.#inflate.on('error', (cause) => this.#fail(new SpdyError('a block of headers cannot be unpacked', { cause })));
  }

  /** The headers of a block. Rejects with a {@link SpdyError}; then no further block can be read. */
  async read(block: Buffer): Promise<Headers> {
    return parseHeaders(await this.#unpack(block));
  }

  async #unpack(block: Buffer): Promise<Buffer> {
    if (this.#failed !== undefined) throw this.#failed;
    const chunks: Buffer[] = [];
    let size = 0;
    const take = (chunk: Buffer) => {
      size += chunk.length;
      if (size <= BLOCK_LIMIT) chunks.push(chunk);
      else this.#fail(new SpdyError(`headers are longer than ${BLOCK_LIMIT} bytes`));
    };
    this.#inflate.on('data', take);
    await new Promise<void>((resolve) => {
      // When it fails, or unpacks to too much.
      this.#inflate.once('close', resolve);
      this.#inflate.write(block, () => {
        this.#inflate.off('close', resolve);
        resolve();
      });
    });
    this.#inflate.off('data', take);
    if (this.#failed !== undefined) throw this.#failed;
    return Buffer.concat(chunks);
  }

  #fail(error: SpdyError): void {
    this.#failed ??= error;
    this.#inflate.destroy();
  }

  close(): void {
    this.#inflate.destroy();
  }
}

function parseHeaders(block: Buffer): Headers {
  const entries: (readonly [string, string])[] = [];
  let at = 4;
  const count = block.length < 4 ? 0 : block.readUInt32BE(0);
  if (count > HEADERS_MAX) throw new SpdyError(`${count} headers are more than ${HEADERS_MAX}`);
  const next = (): string => {
    const end = at + 4 > block.length ? Number.POSITIVE_INFINITY : at + 4 + block.readUInt32BE(at);
    if (end > block.length) throw new SpdyError('a block of headers ends in the middle of one');
    const value = block.toString('utf8', at + 4, end);
    at = end;
    return value;
  };
  for (let i = 0; i < count; i++) entries.push([next().toLowerCase(), next()]);
  return Object.fromEntries(entries);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([uint32(bytes.length), bytes]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
