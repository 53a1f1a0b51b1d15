/** Entries as they were last read, for what is written only on the condition that they are so still. */
import type { Entry, Store } from '../../store/store.ts';
import type { Settlement } from '../admission.ts';

/** A bounded number of entries. Any of them may be out of date: only a compare in the transaction says whether it is. */
export class LastRead {
  readonly #store: Store;
  readonly #max: number;
  readonly #entries = new Map<string, Entry>();

  /** `max`: with more entries than this it begins anew. */
  constructor(store: Store, max: number) {
    this.#store = store;
    this.#max = max;
  }

  /** Undefined: it was not read, or was found not to be as it was read. */
  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  /** The entry as it is now. */
  async read(key: string): Promise<Entry | undefined> {
    const entry = await this.#store.get(key);
    if (this.#entries.size >= this.#max) this.#entries.clear();
    if (entry === undefined) this.#entries.delete(key);
    else this.#entries.set(key, entry);
    return entry;
  }

  /** Forgets what has changed. */
  settled({ written, stale }: Settlement): void {
    for (const { key } of written) this.#entries.delete(key);
    for (const { key } of stale) this.#entries.delete(key);
  }
}
