import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { minutes } from '../../lib/duration.ts';
import { TrafficMeter } from './meter.ts';
import type { TrafficReading } from './reading.ts';

const READING: TrafficReading = {
  ...{ family: 'IPv4', protocol: 'tcp', what: 'connections', packets: 7, bytes: 420 },
  asked: { ip: '10.96.0.10', port: 80 },
  endpoint: { ip: '10.244.1.5', port: 8080 },
};
const turn = () => new Promise((resolve) => setImmediate(resolve));

function meter(clock = new FakeClock()) {
  const state = { reads: 0, error: undefined as Error | undefined, warnings: [] as string[] };
  const traffic = new TrafficMeter({
    async *read() {
      state.reads++;
      await turn();
      if (state.error !== undefined) throw state.error;
      yield [READING];
    },
    ownership: () => ({ serviceOf: () => undefined, find: () => undefined, nodeAddresses: new Set() }),
    exists: () => true,
    log: { ...silentLogger, warn: (_, message) => state.warnings.push(message) },
    clock,
  });
  return { traffic, state, clock };
}

test('reads every minute, goes on after a failure, and ends with the signal', async () => {
  const { traffic, state, clock } = meter();
  const controller = new AbortController();
  const ended = traffic.start(controller.signal);
  for (let minute = 1; minute <= 3; minute++) {
    state.error = minute === 2 ? new Error('no memory') : undefined;
    await turn();
    clock.advance(minutes(1));
    for (let i = 0; i < 5; i++) await turn();
    assert.equal(state.reads, minute);
  }
  assert.equal(state.warnings.length, 1);
  controller.abort();
  await ended;
});

test('reads once for all who ask at the same time, and again for who asks later', async () => {
  const { traffic, state } = meter();
  await Promise.all([traffic.totals(), traffic.totals()]);
  assert.equal(state.reads, 1);
  await traffic.totals();
  assert.equal(state.reads, 2);
});

test('tells who asks what kept it from reading', async () => {
  const { traffic, state } = meter();
  state.error = new Error('no memory');
  await assert.rejects(traffic.totals(), /no memory/);
  state.error = undefined;
  assert.deepEqual([...(await traffic.totals()).ports], []);
});
