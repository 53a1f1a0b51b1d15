/** The fake server's memory: objects, and the history that watches follow. */
import { type KubeObject, keyOf, keyText, type ObjectKey } from '../api/meta/v1.ts';
import { expired } from '../api/status.ts';

/** One change. Every revision has exactly one. */
export interface HistoryEntry {
  /** `apiVersion/kind`. */
  readonly resource: string;
  readonly object: KubeObject;
  readonly previous: KubeObject | undefined;
  readonly deleted: boolean;
}

export class FakeStore {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #wakers = new Set<() => void>();
  #history: HistoryEntry[] = [];
  #compacted = 0;
  #revision = 0;
  #streams = 0;

  get revision(): number {
    return this.#revision;
  }

  get(resource: string, key: ObjectKey): KubeObject | undefined {
    return this.#objects.get(resource)?.get(keyText(key));
  }

  /** In the order of their keys. */
  list(resource: string): readonly KubeObject[] {
    const entries = [...(this.#objects.get(resource) ?? [])];
    return entries.sort(([a], [b]) => (a < b ? -1 : 1)).map(([, object]) => object);
  }

  /** Stores a copy of the object at a new revision, and returns that. */
  put<T extends KubeObject>(resource: string, object: T): T {
    const previous = this.get(resource, keyOf(object));
    const stored = { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision + 1) } };
    // Through JSON, as over the wire: fields that are undefined are absent, and nobody shares our object.
    const next = JSON.parse(JSON.stringify(stored)) as T;
    const objects = this.#objects.get(resource) ?? new Map<string, KubeObject>();
    this.#objects.set(resource, objects.set(keyText(keyOf(object)), next));
    this.#record({ resource, object: next, previous, deleted: false });
    return next;
  }

  /** Removes an object, if it is there, at a new revision. */
  drop(resource: string, key: ObjectKey): void {
    const previous = this.get(resource, key);
    if (previous === undefined) return;
    this.#objects.get(resource)?.delete(keyText(key));
    const metadata = { ...previous.metadata, resourceVersion: String(this.#revision + 1) };
    this.#record({ resource, object: { ...previous, metadata }, previous, deleted: true });
  }

  /** Ends every stream of {@link follow}. */
  disconnect(): void {
    this.#streams++;
    this.#wake();
  }

  /** Forgets all history. */
  compact(): void {
    this.#compacted = this.#revision;
    this.#history = [];
  }

  /** Changes after a revision, as they come, until the signal or {@link disconnect}. Throws Expired. */
  async *follow(from: number, signal: AbortSignal): AsyncGenerator<HistoryEntry> {
    const stream = this.#streams;
    const wake = { now: () => {} };
    const onWake = () => wake.now();
    this.#wakers.add(onWake);
    signal.addEventListener('abort', onWake);
    try {
      for (let seen = from; !signal.aborted && stream === this.#streams; ) {
        if (seen < this.#compacted) throw expired(`revision ${seen} has been compacted`);
        const next = this.#history[seen - this.#compacted];
        if (next === undefined) {
          await new Promise<void>((resolve) => {
            wake.now = resolve;
          });
          continue;
        }
        seen++;
        yield next;
      }
    } finally {
      this.#wakers.delete(onWake);
      signal.removeEventListener('abort', onWake);
    }
  }

  #record(entry: HistoryEntry): void {
    this.#revision++;
    this.#history.push(entry);
    this.#wake();
  }

  #wake(): void {
    for (const wake of [...this.#wakers]) wake();
  }
}
