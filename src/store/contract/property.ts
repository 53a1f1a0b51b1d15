/** Random histories, checked against {@link ModelStore}. `POSTERN_SEED=n` repeats the one that failed. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { testSeed } from '../../lib/random.fixture.ts';
import { type Random, randomBelow, seededRandom } from '../../lib/random.ts';
import type { ContractOptions, OpenStore } from '../contract.ts';
import { CompactedError, type Compare, type Entry, type Operation, type Revision, type Store } from '../store.ts';
import { ModelStore } from './model.ts';
import { type Collected, collect, entryText, eventText } from './tools.ts';

const STEPS = 300;
/** Milliseconds in which a watch tells what there is to tell. */
const PATIENCE = 5000;
const KEYS = ['a', 'a/', 'a/1', 'a/10', 'a/2', 'a0', 'b', 'é', '\uffee', '\u{10000}'];
const PREFIXES = ['', 'a', 'a/', 'a/1', 'b', '\u{10000}', 'none'];

/** Registers the test. */
export function propertyTest(open: OpenStore, reopen: ContractOptions['reopen']): void {
  const seed = testSeed();
  test(`agrees with a simple model over ${STEPS} random steps (POSTERN_SEED=${seed})`, async (t) => {
    const run = new Run(await open(t), seededRandom(seed));
    t.after(() => run.store.close());
    for (let step = 0; step < STEPS; step++) await run.step(t, reopen);
    await run.finish();
  });
}

class Run {
  store: Store;
  readonly #random: Random;
  readonly #model = new ModelStore();
  #compacted: Revision = 0;
  /** Watches begun on the way; each must in the end have told what the model says. */
  readonly #watches: { prefix: string; from: Revision; told: string[]; ended: Promise<void>; stop: AbortController }[] =
    [];

  constructor(store: Store, random: Random) {
    this.store = store;
    this.#random = random;
  }

  async step(t: TestContext, reopen: ContractOptions['reopen']): Promise<void> {
    const dice = this.#random();
    if (dice < 0.6) await this.#txn();
    else if (dice < 0.75) await this.#get();
    else if (dice < 0.9) await this.#list();
    else if (dice < 0.95) this.#watch();
    else if (dice < 0.97) await this.#compact();
    else if (reopen !== undefined) {
      await this.#endWatches();
      await this.store.close();
      this.store = await reopen(this.store, t);
    }
  }

  async finish(): Promise<void> {
    await this.#endWatches();
    const { revision } = this.#model;
    const all = this.#model.eventsAfter('', this.#compacted).map(eventText);
    const told: Collected = await collect(this.store, '', this.#compacted, all.length);
    assert.deepEqual(told, all);
    assert.equal(await this.store.revision(), revision);
  }

  #pick<T>(items: readonly [T, ...T[]] | readonly T[]): T {
    return items[randomBelow(this.#random, items.length)] as T;
  }

  /** A revision that can still be read. */
  #revision(): Revision {
    return this.#compacted + randomBelow(this.#random, this.#model.revision - this.#compacted + 1);
  }

  async #txn(): Promise<void> {
    const compares: Compare[] = [];
    if (this.#random() < 0.5) {
      const key = this.#pick(KEYS);
      const right = this.#model.get(key)?.modified ?? 0;
      compares.push({
        key,
        modified: this.#random() < 0.7 ? right : randomBelow(this.#random, this.#model.revision + 1),
      });
    }
    const keys = new Set(Array.from({ length: 1 + randomBelow(this.#random, 3) }, () => this.#pick(KEYS)));
    const operations = Array.from(keys, (key): Operation => {
      if (this.#random() < 0.3) return { kind: 'delete', key };
      return { kind: 'put', key, value: Buffer.from(`${this.#random()}`) };
    });
    const result = await this.store.txn(compares, operations);
    assert.equal(result.ok, this.#model.txn(compares, operations));
    if (result.ok) assert.equal(result.revision, this.#model.revision);
    else
      assertSame(
        result.current,
        compares.map(({ key }) => this.#model.get(key)),
      );
  }

  async #get(): Promise<void> {
    const key = this.#pick(KEYS);
    const revision = this.#revision();
    assertSame([await this.store.get(key, revision)], [this.#model.get(key, revision)]);
    assertSame([await this.store.get(key)], [this.#model.get(key)]);
    if (this.#compacted > 0) await assert.rejects(this.store.get(key, this.#compacted - 1), CompactedError);
  }

  async #list(): Promise<void> {
    const prefix = this.#pick(PREFIXES);
    const revision = this.#random() < 0.5 ? undefined : this.#revision();
    const limit = 1 + randomBelow(this.#random, 5);
    const after = this.#random() < 0.5 ? undefined : this.#pick(KEYS);
    const all = this.#model
      .list(prefix, revision)
      .filter(({ key }) => after === undefined || Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0);
    const result = await this.store.list(prefix, {
      limit,
      ...(revision !== undefined && { revision }),
      ...(after !== undefined && { after }),
    });
    assertSame(result.entries, all.slice(0, limit));
    assert.equal(result.remaining, Math.max(0, all.length - limit));
    assert.equal(result.revision, revision ?? this.#model.revision);
  }

  #watch(): void {
    const prefix = this.#pick(PREFIXES);
    const from = this.#revision();
    const stop = new AbortController();
    const told: string[] = [];
    const { store } = this;
    const follow = async (): Promise<void> => {
      for await (const { events } of store.watch(prefix, from, stop.signal)) told.push(...events.map(eventText));
    };
    this.#watches.push({ prefix, from, told, ended: follow(), stop });
  }

  async #compact(): Promise<void> {
    // Watches that have not read that far would rightly fail.
    await this.#endWatches();
    this.#compacted = this.#revision();
    await this.store.compact(this.#compacted);
  }

  async #endWatches(): Promise<void> {
    for (const { prefix, from, told, ended, stop } of this.#watches.splice(0)) {
      const expected = this.#model.eventsAfter(prefix, from).map(eventText);
      const late = performance.now() + PATIENCE;
      while (told.length < expected.length && performance.now() < late) await new Promise(setImmediate);
      stop.abort();
      await ended;
      assert.deepEqual(told, expected);
    }
  }
}

function assertSame(actual: readonly (Entry | undefined)[], expected: readonly (Entry | undefined)[]): void {
  assert.deepEqual(actual.map(entryText), expected.map(entryText));
}
