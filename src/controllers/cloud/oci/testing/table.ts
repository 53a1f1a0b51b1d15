export interface Stored<T> {
  readonly value: T;
  /** Another one after each change. */
  readonly etag: string;
}

/** Resources of one kind, by id, in the order in which they were made. Values are replaced, never changed. */
export class Table<T extends { readonly id?: string }> {
  readonly #rows = new Map<string, Stored<T>>();
  #changes = 0;

  put(value: T): Stored<T> {
    if (value.id === undefined) throw new Error('a resource without an id cannot be kept');
    this.#changes += 1;
    const stored = { value, etag: `${value.id.slice(-8)}--${this.#changes}` };
    this.#rows.set(value.id, stored);
    return stored;
  }

  /** Changes fields of one that is there. */
  patch(id: string, change: Partial<T>): Stored<T> {
    const found = this.#rows.get(id);
    if (found === undefined) throw new Error(`there is no ${id}`);
    return this.put({ ...found.value, ...change });
  }

  stored(id: string): Stored<T> | undefined {
    return this.#rows.get(id);
  }

  get(id: string): T | undefined {
    return this.#rows.get(id)?.value;
  }

  delete(id: string): boolean {
    return this.#rows.delete(id);
  }

  all(): readonly T[] {
    return [...this.#rows.values()].map(({ value }) => value);
  }

  find(test: (value: T) => boolean): T | undefined {
    return this.all().find(test);
  }
}
