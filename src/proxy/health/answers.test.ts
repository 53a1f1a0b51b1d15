import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import { FakeClock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';
import { healthz, isEligible, livez } from './answers.ts';
import { ProxyHealth } from './proxy-health.ts';

const node = (parts: { metadata?: object; spec?: Node['spec'] } = {}): Node => ({
  ...{ apiVersion: 'v1', kind: 'Node' },
  metadata: { name: 'node1', ...parts.metadata },
  ...(parts.spec === undefined ? {} : { spec: parts.spec }),
});

test('a node is not eligible once it is being deleted, by whoever announces it', () => {
  assert.equal(isEligible(undefined), true);
  assert.equal(isEligible(node()), true);
  assert.equal(isEligible(node({ spec: { taints: [{ key: 'other', effect: 'NoSchedule' }] } })), true);
  assert.equal(isEligible(node({ metadata: { deletionTimestamp: '2026-01-01T00:00:00Z' } })), false);
  const taint = { key: 'ToBeDeletedByClusterAutoscaler', value: '1764000000', effect: 'NoSchedule' as const };
  assert.equal(isEligible(node({ spec: { taints: [taint] } })), false);
});

test('is unhealthy until the first load, and while a change waits for a minute', () => {
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const health = new ProxyHealth(clock);
  assert.deepEqual(answer(health), [503, { lastUpdated: '', currentTime: '2026-01-01T00:00:00Z' }]);
  health.updated();
  void clock.advance(seconds(600));
  const idle = '2026-01-01T00:10:00Z';
  assert.deepEqual(answer(health), [200, { lastUpdated: idle, currentTime: idle }]);
  health.queued();
  void clock.advance(seconds(59));
  health.queued(); // The older change is the one that has waited.
  assert.equal(answer(health)[0], 200);
  void clock.advance(seconds(1));
  assert.deepEqual(answer(health), [503, { lastUpdated: '2026-01-01T00:00:00Z', currentTime: '2026-01-01T00:11:00Z' }]);
  health.updated();
  assert.equal(answer(health)[0], 200);
});

test('changes that never pause are no reason to be unhealthy while each reaches the kernel', () => {
  const clock = new FakeClock();
  const health = new ProxyHealth(clock);
  for (let i = 0; i < 10; i++) {
    health.queued();
    health.updated(true);
    void clock.advance(seconds(30));
    assert.equal(answer(health)[0], 200);
  }
  void clock.advance(seconds(30));
  assert.equal(answer(health)[0], 503);
});

test('a node that goes is not to be begun with, and the proxy on it is alive all the same', () => {
  const report = { healthy: true, lastUpdated: 0, currentTime: 0 };
  const time = '1970-01-01T00:00:00Z';
  const gone = healthz(report, false);
  assert.deepEqual(
    [gone.code, JSON.parse(gone.body)],
    [503, { lastUpdated: time, currentTime: time, nodeEligible: false }],
  );
  assert.equal(healthz(report, true).code, 200);
  assert.equal(healthz({ ...report, healthy: false }, true).code, 503);
  assert.equal(livez(report).code, 200);
});

function answer(health: ProxyHealth): [number, unknown] {
  const { code, body } = livez(health.report());
  return [code, JSON.parse(body)];
}
