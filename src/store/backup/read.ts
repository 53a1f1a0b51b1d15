/** Reads a backup, as often as need be, a page at a time; what is wrong with it is found before anything of it is used. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { messageOf } from '../../lib/errors.ts';
import { compareKeys } from '../keys.ts';
import type { Entry } from '../store.ts';
import type { Snapshot } from '../transfer/snapshot.ts';
import { BackupError, type BackupFile, type BackupHeader, type BackupTrailer, decodeLine } from './format.ts';

/** Bytes of the longest line: a value of 1.5 MiB of which every byte is escaped. */
const LINE_LIMIT = 10 * 1024 * 1024;

const PAGE_ENTRIES = 250;
const PAGE_BYTES = 4 * 1024 * 1024;

const LINE_FEED = 10;

export interface Backup extends Snapshot {
  readonly header: BackupHeader;
  readonly trailer: BackupTrailer;
  /** A server's own files. */
  readonly files: readonly BackupFile[];
}

/** Reads all of a backup once, and its files. Throws {@link BackupError} when it is not whole or not a backup. */
export async function openBackup(path: string, tell: (entries: number) => void): Promise<Backup> {
  const files: BackupFile[] = [];
  const reading = new Reading(path, (file) => void files.push(file));
  let entries = 0;
  for await (const page of reading.pages()) {
    entries += page.length;
    tell(entries);
  }
  const { header, trailer } = reading;
  if (header === undefined || trailer === undefined) throw new BackupError(`${path} is empty`);
  return { header, trailer, files, revision: header.revision, pages: () => new Reading(path).pages() };
}

/** One reading, from the first line to the last. */
class Reading {
  header: BackupHeader | undefined;
  trailer: BackupTrailer | undefined;
  readonly #path: string;
  readonly #onFile: (file: BackupFile) => void;
  readonly #hash = createHash('sha256');
  #entries = 0;
  #files = 0;
  #last = '';

  constructor(path: string, onFile: (file: BackupFile) => void = () => {}) {
    this.#path = path;
    this.#onFile = onFile;
  }

  async *pages(): AsyncGenerator<readonly Entry[], void, undefined> {
    let number = 0;
    let page: Entry[] = [];
    let bytes = 0;
    try {
      for await (const line of linesOf(this.#path)) {
        number++;
        const entry = this.#read(line, number === 1);
        if (entry === undefined) continue;
        page.push(entry);
        bytes += entry.value.length;
        if (page.length < PAGE_ENTRIES && bytes < PAGE_BYTES) continue;
        yield page;
        page = [];
        bytes = 0;
      }
    } catch (cause) {
      if (!(cause instanceof BackupError)) throw cause;
      throw new BackupError(`${this.#path}, line ${Math.max(1, number)}: ${cause.message}`, { cause });
    }
    if (this.trailer === undefined) {
      throw new BackupError(`${this.#path} is not whole: its last line, which says how much there is, is missing`);
    }
    if (page.length > 0) yield page;
  }

  #read(bytes: Buffer, first: boolean): Entry | undefined {
    const line = decodeLine(bytes.toString('utf8'));
    if (first !== (line.kind === 'header'))
      throw new BackupError(first ? 'it does not begin as a backup does' : 'a second header');
    if (this.trailer !== undefined) throw new BackupError('something follows the last line');
    if (line.kind === 'trailer') {
      this.#end(line.trailer);
      return undefined;
    }
    this.#hash.update(bytes).update('\n');
    if (line.kind === 'header') this.header = line.header;
    if (line.kind === 'file') {
      this.#files++;
      this.#onFile(line.file);
    }
    return line.kind === 'entry' ? this.#entry(line.entry) : undefined;
  }

  #entry(entry: Entry): Entry {
    const { key, created, modified } = entry;
    if (this.#entries > 0 && compareKeys(this.#last, key) >= 0) {
      throw new BackupError(`${key} does not come after ${this.#last}`);
    }
    if (created > modified || modified > (this.header?.revision ?? 0)) {
      throw new BackupError(`${key} has revisions that cannot be: ${created} and ${modified}`);
    }
    this.#entries++;
    this.#last = key;
    return entry;
  }

  #end(trailer: BackupTrailer): void {
    const digest = this.#hash.digest('hex');
    if (digest !== trailer.sha256)
      throw new BackupError(`it was changed: its digest is ${digest}, not ${trailer.sha256}`);
    if (trailer.entries !== this.#entries || trailer.files !== this.#files) {
      throw new BackupError(
        `it has ${this.#entries} entries and ${this.#files} files, not ${trailer.entries} and ${trailer.files}`,
      );
    }
    this.trailer = trailer;
  }
}

/** Without their line feeds. Throws {@link BackupError} for what is no gzip, or cut off. */
async function* linesOf(path: string): AsyncGenerator<Buffer, void, undefined> {
  const file = createReadStream(path);
  const unzipped = file.pipe(createGunzip());
  // What cannot be read is what the reader of the other end has to hear.
  file.on('error', (error) => unzipped.destroy(error));
  let rest: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of unzipped as AsyncIterable<Buffer>) {
      let start = 0;
      for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, start)) {
        yield Buffer.concat([...rest, chunk.subarray(start, end)]);
        rest = [];
        bytes = 0;
        start = end + 1;
      }
      rest.push(Buffer.from(chunk.subarray(start)));
      bytes += chunk.length - start;
      if (bytes > LINE_LIMIT) throw new BackupError(`a line of more than ${LINE_LIMIT} bytes`);
    }
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === undefined || !/^(Z_|ERR_STREAM_PREMATURE_CLOSE)/.test(code)) throw cause;
    throw new BackupError(`not a backup, or cut off: ${messageOf(cause)}`, { cause });
  } finally {
    file.destroy();
  }
  if (bytes > 0) throw new BackupError('the last line is cut off');
}
