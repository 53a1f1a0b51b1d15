/**
 * What every store promises, as tests: `storeContract('memory', open)` in a test file runs them against one
 * implementation. A store that passes can stand in for any other.
 */
import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { history } from './contract/history.ts';
import { limits } from './contract/limits.ts';
import { lists } from './contract/lists.ts';
import { propertyTest } from './contract/property.ts';
import { type Check, collect, del, entryText, put } from './contract/tools.ts';
import { watches } from './contract/watches.ts';
import { writes } from './contract/writes.ts';
import type { Store } from './store.ts';

/** Opens an empty store; whatever must be cleaned up is registered with the test. The suite closes the store. */
export type OpenStore = (t: TestContext) => Promise<Store>;

export interface ContractOptions {
  /** Why the suite cannot run here. */
  readonly skip?: string | false;
  /** For stores that outlive their process: opens again what the given store, closed by now, had. */
  readonly reopen?: (store: Store, t: TestContext) => Promise<Store>;
  /** What share of their writes the tests of much data make, for a store whose writes are dear; default: 1. */
  readonly share?: number;
}

/** Registers the suite for one implementation. */
export function storeContract(name: string, open: OpenStore, options: ContractOptions = {}): void {
  const { skip = false, reopen, share = 1 } = options;
  /** A test with a store of its own. */
  const check: Check = (title, body) =>
    test(title, async (t) => {
      const store = await open(t);
      t.after(() => store.close());
      await body(store, t);
    });

  describe(`the ${name} store`, { skip }, () => {
    describe('writes', () => writes(check));
    describe('lists', () => lists(check, share));
    describe('history', () => history(check, share));
    describe('watches', () => watches(check, share));
    describe('limits', () => limits(check));
    describe('property', () => propertyTest(open, reopen));
    if (reopen !== undefined) {
      check('keeps everything, history included, when it is closed and opened again', async (store, t) => {
        await put(store, 'a', '1');
        await put(store, 'a', '2');
        await put(store, 'b', '3');
        await del(store, 'b');
        await store.close();
        const again = await reopen(store, t);
        t.after(() => again.close());
        assert.equal(await again.revision(), 4);
        assert.equal(entryText(await again.get('a')), 'a=2@1-2');
        assert.equal(entryText(await again.get('b', 3)), 'b=3@3-3');
        assert.deepEqual(await collect(again, '', 1, 3), ['put a=2@1-2 was 1', 'put b=3@3-3', 'delete b@4 was 3']);
        assert.equal(await put(again, 'c', '5'), 5);
      });
    }
  });
}
