/** Writers whose answers are recorded, and the judgement of what etcd has in the end. */
import assert from 'node:assert/strict';
import { StoreFailedError } from '../errors.ts';
import type { Revision, Store } from '../store.ts';
import { OutcomeUnknownError } from './errors.ts';

export type Answer =
  | { readonly kind: 'acknowledged'; readonly revision: Revision }
  /** Refused, or not possible: it must not be there. */
  | { readonly kind: 'failed'; readonly error: StoreFailedError }
  | { readonly kind: 'unknown' };

export interface Recorded {
  readonly value: string;
  readonly began: number;
  readonly ended: number;
  readonly answer: Answer;
}

/**
 * Writes numbered values to keys, each writer to its own, always from the value that it knows to be there, until it is
 * stopped; then {@link check} compares what was answered with the history that a watch tells.
 */
export class Recorder {
  readonly #store: Store;
  readonly #writers: number;
  readonly #records: Recorded[][];
  readonly #stop = new AbortController();
  readonly #running: Promise<void>[];

  constructor(store: Store, writers: number) {
    this.#store = store;
    this.#writers = writers;
    this.#records = Array.from({ length: writers }, () => []);
    this.#running = this.#records.map((records, i) => this.#write(keyOf(i), records));
  }

  /** Acknowledged writes so far. */
  get acknowledged(): number {
    return this.#records.flat().filter(({ answer }) => answer.kind === 'acknowledged').length;
  }

  /** Resolves once so many more writes have been acknowledged. */
  async more(count: number): Promise<void> {
    const enough = this.acknowledged + count;
    while (this.acknowledged < enough) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  async stop(): Promise<readonly Recorded[]> {
    this.#stop.abort();
    await Promise.all(this.#running);
    return this.#records.flat();
  }

  /** The longest time, in milliseconds, that no write was acknowledged. */
  longestGap(): number {
    const times = this.#records
      .flat()
      .flatMap(({ answer, ended }) => (answer.kind === 'acknowledged' ? [ended] : []))
      .sort((a, b) => a - b);
    return Math.max(0, ...times.slice(1).map((time, i) => time - (times[i] ?? time)));
  }

  /** What was acknowledged is there once, at the revision that was told; what failed is not. */
  async check(): Promise<void> {
    for (let i = 0; i < this.#writers; i++) {
      const { modified = 0 } = (await this.#store.get(keyOf(i))) ?? {};
      const written = await this.#history(keyOf(i), modified);
      for (const { value, answer } of this.#records[i] ?? []) {
        const revisions = written.get(value) ?? [];
        const what = `${keyOf(i)}=${value}, ${JSON.stringify(answer)}`;
        if (answer.kind === 'acknowledged') assert.deepEqual(revisions, [answer.revision], what);
        else if (answer.kind === 'failed') assert.deepEqual(revisions, [], what);
        else assert.ok(revisions.length <= 1, what);
      }
    }
  }

  /** The revisions of each value of a key. */
  async #history(key: string, last: Revision): Promise<Map<string, Revision[]>> {
    const written = new Map<string, Revision[]>();
    if (last === 0) return written;
    for await (const { events, revision } of this.#store.watch(key, 0, AbortSignal.timeout(10_000))) {
      for (const event of events) {
        if (event.kind !== 'put') continue;
        const value = Buffer.from(event.entry.value).toString();
        written.set(value, [...(written.get(value) ?? []), event.entry.modified]);
      }
      if (revision >= last) return written;
    }
    throw new Error(`the history of ${key} did not come up to ${last}`);
  }

  async #write(key: string, records: Recorded[]): Promise<void> {
    let modified: Revision | undefined;
    for (let i = 0; !this.#stop.signal.aborted; i++) {
      const value = String(i);
      const began = performance.now();
      const answer = await this.#attempt(key, value, modified);
      if (answer === undefined) continue;
      records.push({ value, began, ended: performance.now(), answer });
      modified = answer.kind === 'acknowledged' ? answer.revision : undefined;
    }
  }

  /** Undefined: it was not known what to write on, and could not be read. */
  async #attempt(key: string, value: string, known: Revision | undefined): Promise<Answer | undefined> {
    let modified = known;
    try {
      modified ??= (await this.#store.get(key))?.modified ?? 0;
    } catch (error) {
      if (error instanceof StoreFailedError) return undefined;
      throw error;
    }
    try {
      const result = await this.#store.txn([{ key, modified }], [{ kind: 'put', key, value: Buffer.from(value) }]);
      // Its own write from before, whose outcome was unknown, came after all.
      if (!result.ok) return { kind: 'failed', error: new StoreFailedError('write', 'the compare did not hold') };
      return { kind: 'acknowledged', revision: result.revision };
    } catch (error) {
      if (error instanceof OutcomeUnknownError) return { kind: 'unknown' };
      if (error instanceof StoreFailedError) return { kind: 'failed', error };
      throw error;
    }
  }
}

function keyOf(writer: number): string {
  return `recorded/${writer}/`;
}
