/** What came to a set and what left it since it was last asked: what comes and goes in between is nothing. */
import type { SetChange } from '../mode.ts';

/** Members are told apart by text, and counted: one stays while anybody needs it. */
export class CountedSet<T> {
  readonly #members = new Map<string, { readonly member: T; uses: number }>();
  /** Members that were touched since the last {@link take}, and whether they were there then. */
  readonly #touched = new Map<string, { readonly member: T; readonly before: boolean }>();
  readonly #textOf: (member: T) => string;

  constructor(textOf: (member: T) => string) {
    this.#textOf = textOf;
  }

  add(member: T): void {
    const text = this.#textOf(member);
    const entry = this.#members.get(text);
    this.#touch(text, member, entry !== undefined);
    if (entry === undefined) this.#members.set(text, { member, uses: 1 });
    else entry.uses++;
  }

  remove(member: T): void {
    const text = this.#textOf(member);
    const entry = this.#members.get(text);
    if (entry === undefined) return;
    this.#touch(text, member, true);
    if (--entry.uses === 0) this.#members.delete(text);
  }

  *[Symbol.iterator](): Iterator<T> {
    for (const { member } of this.#members.values()) yield member;
  }

  /** What changed since the last time. */
  take(): SetChange<T> {
    const added: T[] = [];
    const removed: T[] = [];
    for (const [text, { member, before }] of this.#touched) {
      const after = this.#members.has(text);
      if (after && !before) added.push(member);
      if (before && !after) removed.push(member);
    }
    this.#touched.clear();
    return { added, removed };
  }

  #touch(text: string, member: T, before: boolean): void {
    if (!this.#touched.has(text)) this.#touched.set(text, { member, before });
  }
}
