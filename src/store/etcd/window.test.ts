import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change } from './follow.ts';
import { CHANGES_LIMIT, ChangeWindow } from './window.ts';

const change = (revision: number, bytes = 0): Change => ({
  revision,
  events: [
    {
      kind: 'put',
      entry: { key: 'a', value: new Uint8Array(bytes), created: revision, modified: revision },
      previous: undefined,
    },
  ],
});
const revisions = (window: ChangeWindow, from: number) => Array.from(window.after(from), ({ revision }) => revision);

test('a window gives what came after a revision, also between those that changed something', () => {
  const window = new ChangeWindow(10);
  window.add({ changes: [change(12), change(20)], revision: 25 });
  assert.deepEqual(
    [10, 12, 15, 20, 30].map((from) => revisions(window, from)),
    [[12, 20], [20], [20], [], []],
  );
  assert.deepEqual([window.from, window.newest], [10, 25]);
});

test('a window stays within its bounds, however much comes', () => {
  const window = new ChangeWindow(0);
  const count = 3 * CHANGES_LIMIT;
  for (let revision = 1; revision <= count; revision++) window.add({ changes: [change(revision)], revision });
  assert.equal(window.from, count - CHANGES_LIMIT);
  assert.equal(revisions(window, window.from).length, CHANGES_LIMIT);
  const megabyte = 1024 * 1024;
  for (let i = 1; i <= 20; i++) window.add({ changes: [change(count + i, megabyte)], revision: count + i });
  assert.equal(revisions(window, window.from).length, 7);
  window.reset(count + 100);
  assert.deepEqual(revisions(window, window.from), []);
});
