/** Keys with their versions in a sorted array, and the log of changes in another. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { compareKeys } from '../keys.ts';
import type { Backend, Change, ListAt } from '../mvcc/backend.ts';
import { keyOf } from '../mvcc/plan.ts';
import type { Entry, ListResult, Revision, StoreEvent } from '../store.ts';

/** Changes that are forgotten before others get their turn. */
const COMPACT_BATCH = 1000;

/** What a key was from a revision on; without an entry it did not exist. */
interface Version {
  readonly since: Revision;
  readonly entry: Entry | undefined;
}

export class MemoryBackend implements Backend {
  /** Every key that has a version, in key order. */
  readonly #keys: string[] = [];
  readonly #versions = new Map<string, Version[]>();
  /** `#log[i]` is the change of revision `#logStart + i + 1`. */
  #log: Change[] = [];
  #logStart: Revision = 0;
  #revision: Revision = 0;
  #compacted: Revision = 0;

  revision(): Revision {
    return this.#revision;
  }

  compacted(): Revision {
    return this.#compacted;
  }

  current(key: string): Entry | undefined {
    return this.#versions.get(key)?.at(-1)?.entry;
  }

  at(key: string, revision: Revision): Entry | undefined {
    return this.#versions.get(key)?.findLast((version) => version.since <= revision)?.entry;
  }

  async list(prefix: string, { revision, limit = Number.POSITIVE_INFINITY, after }: ListAt): Promise<ListResult> {
    const entries: Entry[] = [];
    let remaining = 0;
    const past = after !== undefined && compareKeys(after, prefix) >= 0;
    for (let i = past ? this.#firstAfter(after) : this.#firstFrom(prefix); i < this.#keys.length; i++) {
      const key = this.#keys[i] ?? '';
      if (!key.startsWith(prefix)) break;
      const entry = this.at(key, revision);
      if (entry === undefined) continue;
      if (entries.length < limit) entries.push(entry);
      else remaining++;
    }
    return { entries, revision, remaining };
  }

  *history(revision: Revision): Generator<Change, void, undefined> {
    for (let i = revision - this.#logStart; i < this.#log.length; i++) {
      const change = this.#log[i];
      if (change !== undefined) yield change;
    }
  }

  async commit(changes: readonly Change[]): Promise<void> {
    for (const change of changes) {
      for (const event of change.events) this.#keep(event, change.revision);
      this.#log.push(change);
      this.#revision = change.revision;
    }
  }

  async compact(revision: Revision): Promise<void> {
    this.#compacted = revision;
    const forgotten = this.#log.splice(0, revision - this.#logStart);
    this.#logStart = revision;
    for (const [i, change] of forgotten.entries()) {
      for (const event of change.events) this.#prune(keyOf(event));
      if (i % COMPACT_BATCH === COMPACT_BATCH - 1) await nextTurn();
    }
  }

  relax(): void {}

  async close(): Promise<void> {}

  #keep(event: StoreEvent, since: Revision): void {
    const key = keyOf(event);
    const version: Version = { since, entry: event.kind === 'put' ? event.entry : undefined };
    const versions = this.#versions.get(key);
    if (versions !== undefined) {
      versions.push(version);
      return;
    }
    this.#versions.set(key, [version]);
    this.#keys.splice(this.#firstFrom(key), 0, key);
  }

  /** Drops the versions of a key that no readable revision sees. */
  #prune(key: string): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) return;
    const oldest = versions.findLastIndex((version) => version.since <= this.#compacted);
    // A deletion that all readable revisions have seen is as good as no version.
    versions.splice(0, versions[oldest]?.entry === undefined ? oldest + 1 : oldest);
    if (versions.length > 0) return;
    this.#versions.delete(key);
    this.#keys.splice(this.#firstFrom(key), 1);
  }

  #firstFrom(key: string): number {
    return this.#search((other) => compareKeys(other, key) >= 0);
  }

  #firstAfter(key: string): number {
    return this.#search((other) => compareKeys(other, key) > 0);
  }

  /** The first index whose key is `beyond`, which holds for all keys from some place on. */
  #search(beyond: (key: string) => boolean): number {
    let low = 0;
    let high = this.#keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (beyond(this.#keys[middle] ?? '')) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
