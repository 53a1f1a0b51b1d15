import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { openMemoryStore } from '../../store/memory/memory-store.ts';
import { keepMemorySmall } from './memory.ts';

test('memory is given back when it has grown, and each minute where there is much; a small server at rest is left alone', async (t) => {
  const store = openMemoryStore();
  const clock = new FakeClock();
  const ended = new AbortController();
  let given = 0;
  t.mock.method(store, 'relax', () => given++);
  const resident = t.mock.method(process.memoryUsage, 'rss', () => 100 * 2 ** 20);
  const running = keepMemorySmall({ store, log: silentLogger, clock }, ended.signal);
  const pass = async () => {
    await clock.advance(1000);
    await new Promise((resolve) => setTimeout(resolve, 50)); // The allocator's turn is in another thread.
  };
  await pass();
  assert.equal(given, 1);
  await pass();
  resident.mock.mockImplementation(() => 110 * 2 ** 20);
  await pass();
  assert.equal(given, 1);
  resident.mock.mockImplementation(() => 117 * 2 ** 20);
  await pass();
  assert.equal(given, 2);
  // A large process is looked at each minute: what it freed since does not show in its size.
  resident.mock.mockImplementation(() => 300 * 2 ** 20);
  await pass();
  assert.equal(given, 3);
  for (let i = 0; i < 60; i++) await clock.advance(1000);
  await pass();
  assert.equal(given, 4);
  ended.abort();
  await running;
  await store.close();
});
