import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mapLimited } from './concurrency.ts';
import { allPages } from './pages.ts';

test('all pages are read, each by the token that the one before gave', async () => {
  const asked: (string | undefined)[] = [];
  const items = await allPages(async ({ page }) => {
    asked.push(page);
    return page === 'b'
      ? { items: [3], opcNextPage: '' }
      : { items: [page === undefined ? 1 : 2], opcNextPage: page === undefined ? 'a' : 'b' };
  });
  assert.deepEqual(
    [items, asked],
    [
      [1, 2, 3],
      [undefined, 'a', 'b'],
    ],
  );
});

test('a list that never ends is given up', async () => {
  let calls = 0;
  const endless = async () => ({ items: [++calls], opcNextPage: 'again' });
  assert.equal((await allPages(endless, 7)).length, 7);
  assert.equal((await allPages(endless)).length, 1000);
});

test('no more are asked at once than may be, and the answers are in the order of the questions', async () => {
  let open = 0;
  let most = 0;
  const answers = await mapLimited([5, 4, 3, 2, 1], 2, async (item) => {
    most = Math.max(most, ++open);
    for (let turn = 0; turn < item; turn++) await Promise.resolve();
    open--;
    return item * 2;
  });
  assert.deepEqual([answers, most], [[10, 8, 6, 4, 2], 2]);
});

test('nothing more is asked once an answer has failed', async () => {
  const asked: number[] = [];
  const ask = async (item: number) => {
    asked.push(item);
    if (item === 2) throw new Error('no');
    return item;
  };
  await assert.rejects(mapLimited([1, 2, 3, 4, 5, 6], 1, ask), /no/);
  assert.deepEqual(asked, [1, 2]);
});
