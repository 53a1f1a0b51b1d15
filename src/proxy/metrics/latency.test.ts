import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Latency } from './latency.ts';

const MINUTE = 60_000;
const take = (latency: Latency, service: string, milliseconds: number, wall = 0, triggered?: number) =>
  latency.record(
    { service, arrived: 1000, ...(triggered === undefined ? {} : { triggered }) },
    { performance: 1000 + milliseconds, wall },
  );

test('measures every change from its arrival, and from its trigger where it tells', () => {
  const latency = new Latency();
  take(latency, 'a/b', 3);
  take(latency, 'a/b', 40, 10_000, 8_000);
  take(latency, 'a/b', 40, 10_000, 12_000); // Another machine's clock is ahead.
  assert.deepEqual([latency.fromArrival.count, latency.fromTrigger.count], [3, 2]);
  assert.equal(latency.fromArrival.sum.toFixed(3), '0.083');
  assert.equal(latency.fromTrigger.sum, 2);
  assert.deepEqual([latency.quantile(0), latency.quantile(0.99)], [3, 40]);
});

test('names the ten slowest of the last hour, the slowest first', () => {
  const latency = new Latency();
  for (let i = 0; i < 100; i++) take(latency, `ns/s${i}`, (i * 37) % 100, i);
  const slowest = latency.slowest(100);
  assert.deepEqual(
    slowest.map(({ milliseconds }) => milliseconds),
    [99, 98, 97, 96, 95, 94, 93, 92, 91, 90],
  );
  assert.deepEqual(slowest[0], { service: 'ns/s27', milliseconds: 99, at: 27 });
  take(latency, 'ns/late', 1, 61 * MINUTE);
  assert.deepEqual(latency.slowest(61 * MINUTE), [{ service: 'ns/late', milliseconds: 1, at: 61 * MINUTE }]);
  assert.deepEqual(latency.slowest(200 * MINUTE), []);
});

test('tells quantiles of the latest changes, and none before the first', () => {
  const latency = new Latency();
  assert.equal(latency.quantile(0.5), undefined);
  for (let i = 0; i < 10_000; i++) take(latency, 'a/b', i);
  assert.equal(latency.count, 10_000);
  assert.equal(latency.quantile(0), 10_000 - 4096);
  assert.equal(latency.quantile(1), 9_999);
});
