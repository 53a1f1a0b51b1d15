/**
 * A token that somebody renews in a file, as kubelets do with those of service accounts, which end after an hour.
 * https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
 */
import { readFile } from 'node:fs/promises';
import { minutes } from '../lib/duration.ts';

/** How long what was read is good: as in client-go. */
const FRESH = minutes(1);

export class TokenFile {
  readonly #path: string;
  readonly #now: () => number;
  #token: string | undefined;
  #readAt = Number.NEGATIVE_INFINITY;

  /** `now` tells milliseconds that never go back. */
  constructor(path: string, now: () => number = () => performance.now()) {
    this.#path = path;
    this.#now = now;
  }

  /** The token as of at most a minute ago; the last one while the file cannot be read. Throws where there never was one. */
  async token(): Promise<string> {
    if (this.#token !== undefined && this.#now() - this.#readAt < FRESH) return this.#token;
    try {
      this.#token = (await readFile(this.#path, 'utf8')).trim();
      this.#readAt = this.#now();
    } catch (error) {
      if (this.#token === undefined) throw error;
    }
    return this.#token;
  }

  /** The server refused it: the next one is read anew. */
  refused(): void {
    this.#readAt = Number.NEGATIVE_INFINITY;
  }
}
