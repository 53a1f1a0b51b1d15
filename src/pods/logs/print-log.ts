/** From the bytes of a log file to what is shown of them. */
import { type LogLine, readLogLine } from './read-line.ts';

const NEWLINE = 0x0a;
const LINE_BREAK = Buffer.from('\n');
/** Longest line of the file: the runtime cuts at 16 KiB where it is not told otherwise. */
const LINE_LIMIT = 1024 * 1024;

export interface PrintLogOptions {
  /** Begin each line with its time. */
  readonly timestamps?: boolean;
  /** Leave out what was written before: milliseconds of the wall clock. */
  readonly since?: number;
  /** Default: both. */
  readonly stream?: 'stdout' | 'stderr';
  /** Bytes that are shown at most. */
  readonly limitBytes?: number;
}

/** A log file that cannot be read any further. */
export class LogFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'LogFormatError';
  }
}

/** Takes a log file piece by piece. Lines that are not of the runtime's form are left out. */
export class LogPrinter {
  readonly #options: PrintLogOptions;
  #rest: Buffer = Buffer.alloc(0);
  #left: number;
  #since: number | undefined;
  /** Streams in the middle of a line, which has had its time. */
  readonly #open = { stdout: false, stderr: false };

  constructor(options: PrintLogOptions) {
    this.#options = options;
    this.#left = options.limitBytes ?? Number.POSITIVE_INFINITY;
    this.#since = options.since;
  }

  /** Whether as many bytes have been shown as may be. */
  get full(): boolean {
    return this.#left <= 0;
  }

  /** What is to be shown of the next bytes of the file. Throws {@link LogFormatError}. */
  take(bytes: Buffer): Buffer {
    const shown: Buffer[] = [];
    let start = 0;
    for (let end = bytes.indexOf(NEWLINE); end >= 0; end = bytes.indexOf(NEWLINE, start)) {
      const line = bytes.subarray(start, end);
      this.#show(this.#rest.length === 0 ? line : Buffer.concat([this.#rest, line]), shown);
      this.#rest = bytes.subarray(0, 0);
      start = end + 1;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
    return this.#cut(Buffer.concat(shown));
  }

  /** Forgets the beginning of a line whose end will not come: another file follows. */
  reset(): void {
    this.#rest = Buffer.alloc(0);
  }

  #keep(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    if (this.#rest.length > LINE_LIMIT)
      throw new LogFormatError(`a line of the log is longer than ${LINE_LIMIT} bytes`);
  }

  #show(bytes: Buffer, shown: Buffer[]): void {
    const line = readLogLine(bytes);
    if (line === undefined || !this.#isWanted(line)) return;
    if (this.#options.timestamps && !this.#open[line.stream]) shown.push(Buffer.from(`${line.time} `));
    shown.push(line.message);
    if (!line.partial) shown.push(LINE_BREAK);
    this.#open[line.stream] = line.partial;
  }

  #isWanted({ time, stream }: LogLine): boolean {
    if (this.#options.stream !== undefined && stream !== this.#options.stream) return false;
    if (this.#since === undefined) return true;
    if (Date.parse(time) < this.#since) return false;
    // Lines are in the order of their times: what follows is later still.
    this.#since = undefined;
    return true;
  }

  #cut(bytes: Buffer): Buffer {
    const taken = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= taken.length;
    return taken;
  }
}
