/** The newest changes, kept in memory so that watchers that keep up cost etcd nothing. */
import type { Revision, StoreEvent } from '../store.ts';
import type { Change, Told } from './follow.ts';

/** Changes, and bytes of them, that are kept; and how many changes are read again when a store is opened. */
export const CHANGES_LIMIT = 4096;
const BYTES_LIMIT = 8 * 1024 * 1024;

export class ChangeWindow {
  #changes: (Change | undefined)[] = [];
  #first = 0;
  #bytes = 0;
  #from: Revision;
  #newest: Revision;

  constructor(from: Revision) {
    this.#from = from;
    this.#newest = from;
  }

  /** Changes after this revision are here. */
  get from(): Revision {
    return this.#from;
  }

  /** Everything up to this revision is known. */
  get newest(): Revision {
    return this.#newest;
  }

  /** Adds what follows. */
  add({ changes, revision }: Told): void {
    for (const change of changes) {
      this.#changes.push(change);
      this.#bytes += changeBytes(change);
    }
    this.#newest = revision;
    while (this.#changes.length - this.#first > CHANGES_LIMIT || this.#bytes > BYTES_LIMIT) this.#dropOldest();
    // Moved only once the gap is as long as the rest, so that dropping costs the same however much is kept.
    if (this.#first > CHANGES_LIMIT) {
      this.#changes.splice(0, this.#first);
      this.#first = 0;
    }
  }

  /** Begins anew after a revision, with a gap before it. */
  reset(from: Revision): void {
    this.#changes = [];
    this.#first = 0;
    this.#bytes = 0;
    this.#from = from;
    this.#newest = from;
  }

  /** The changes after a revision that is not before {@link from}. */
  *after(revision: Revision): Generator<Change, void, undefined> {
    for (let i = this.#indexAfter(revision); i < this.#changes.length; i++) {
      const change = this.#changes[i];
      if (change !== undefined) yield change;
    }
  }

  #indexAfter(revision: Revision): number {
    let low = this.#first;
    let high = this.#changes.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#changes[middle]?.revision ?? 0) > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #dropOldest(): void {
    const change = this.#changes[this.#first];
    if (change === undefined) throw new Error('there are no changes, and yet they take too much');
    this.#bytes -= changeBytes(change);
    this.#from = change.revision;
    this.#changes[this.#first] = undefined;
    this.#first++;
  }
}

/** Bytes that a change keeps alive, roughly. */
export function changeBytes({ events }: Change): number {
  return events.reduce((sum, event) => sum + eventBytes(event), 0);
}

function eventBytes(event: StoreEvent): number {
  return 256 + (event.kind === 'put' ? event.entry.value.length : 0) + (event.previous?.value.length ?? 0);
}
