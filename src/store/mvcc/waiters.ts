/** Those who wait for changes under a prefix, found by the key that has changed, however many others wait. */

export interface Waiting {
  readonly prefix: string;
}

export class Waiters<T extends Waiting> {
  /** By the prefix up to its last slash, and then by all of it. */
  readonly #byFolder = new Map<string, Map<string, Set<T>>>();

  add(waiter: T): void {
    const { prefix } = waiter;
    const folder = folderOf(prefix);
    const byPrefix = this.#byFolder.get(folder) ?? new Map<string, Set<T>>();
    this.#byFolder.set(folder, byPrefix);
    const waiters = byPrefix.get(prefix) ?? new Set();
    byPrefix.set(prefix, waiters);
    waiters.add(waiter);
  }

  delete(waiter: T): void {
    const { prefix } = waiter;
    const folder = folderOf(prefix);
    const byPrefix = this.#byFolder.get(folder);
    const waiters = byPrefix?.get(prefix);
    if (byPrefix === undefined || waiters === undefined) return;
    waiters.delete(waiter);
    if (waiters.size > 0) return;
    byPrefix.delete(prefix);
    if (byPrefix.size === 0) this.#byFolder.delete(folder);
  }

  /** Those whose prefix the key begins with. */
  *concernedBy(key: string): Generator<T, void, undefined> {
    for (let end = 0; ; end = key.indexOf('/', end) + 1) {
      for (const [prefix, waiters] of this.#byFolder.get(key.slice(0, end)) ?? []) {
        if (key.startsWith(prefix)) yield* waiters;
      }
      if (key.indexOf('/', end) < 0) return;
    }
  }

  *all(): Generator<T, void, undefined> {
    for (const byPrefix of this.#byFolder.values()) for (const waiters of byPrefix.values()) yield* waiters;
  }
}

function folderOf(prefix: string): string {
  return prefix.slice(0, prefix.lastIndexOf('/') + 1);
}
