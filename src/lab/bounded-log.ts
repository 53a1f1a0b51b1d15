/** A log file that cannot grow without end: past its limit it is set aside once, and what was set aside before is dropped. */
import { closeSync, existsSync, fstatSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs';

/** Bytes in a log before it is set aside: at most twice as much is on disk. */
const LIMIT = 2 * 1024 * 1024;

export class BoundedLog {
  readonly path: string;
  readonly #limit: number;
  #fd: number;
  #size: number;

  constructor(path: string, limit: number = LIMIT) {
    this.path = path;
    this.#limit = limit;
    this.#fd = openSync(path, 'a', 0o600);
    this.#size = fstatSync(this.#fd).size;
  }

  write(chunk: Uint8Array): void {
    if (this.#size > 0 && this.#size + chunk.length > this.#limit) this.#setAside();
    writeSync(this.#fd, chunk);
    this.#size += chunk.length;
  }

  close(): void {
    closeSync(this.#fd);
  }

  #setAside(): void {
    closeSync(this.#fd);
    renameSync(this.path, `${this.path}.1`);
    this.#fd = openSync(this.path, 'a', 0o600);
    this.#size = 0;
  }
}

/** The last lines of a log, for error messages; empty when there is no log. */
export function lastLines(path: string, count: number): string {
  if (!existsSync(path)) return '';
  return readFileSync(path, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
}
