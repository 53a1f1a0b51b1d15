/** The newest changes, kept in memory so that watchers that keep up never read the disk. */
import type { Revision } from '../store.ts';
import type { Change } from './backend.ts';

const CHANGES_LIMIT = 4096;
const BYTES_LIMIT = 4 * 1024 * 1024;

export class RecentChanges {
  #changes: Change[] = [];
  #first = 0;
  #bytes = 0;
  /** Changes after this revision are here. */
  #from: Revision;

  constructor(from: Revision) {
    this.#from = from;
  }

  /** Adds changes that follow those already here. */
  add(changes: readonly Change[]): void {
    for (const change of changes) {
      this.#changes.push(change);
      this.#bytes += changeBytes(change);
    }
    while (this.#changes.length - this.#first > CHANGES_LIMIT || this.#bytes > BYTES_LIMIT) this.#dropOldest();
    // Moved only once the gap is as long as the rest, so that dropping costs the same however much is kept.
    if (this.#first > CHANGES_LIMIT) {
      this.#changes.splice(0, this.#first);
      this.#first = 0;
    }
  }

  /** The changes after a revision, at most `limit`; undefined when some of them are no longer here. */
  after(revision: Revision, limit: number): readonly Change[] | undefined {
    if (revision < this.#from) return undefined;
    const start = this.#first + (revision - this.#from);
    return this.#changes.slice(start, start + limit);
  }

  #dropOldest(): void {
    const change = this.#changes[this.#first];
    if (change === undefined) return;
    this.#bytes -= changeBytes(change);
    this.#from = change.revision;
    // The slot must not keep the change alive until the next move.
    this.#changes[this.#first] = { revision: change.revision, events: [] };
    this.#first++;
  }
}

/** Bytes of the values that a change keeps alive, roughly. */
export function changeBytes(change: Change): number {
  let bytes = 0;
  for (const event of change.events) {
    bytes += 256 + (event.kind === 'put' ? event.entry.value.length : 0) + (event.previous?.value.length ?? 0);
  }
  return bytes;
}
