import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const skip = skipWithoutPrograms('ip', 'nsenter') || skipUnless(['true']);

test('two nodes with real threads: one announces, moves as planned without a gap, dies and is followed, leaves', {
  skip,
}, () => {
  const seen = JSON.parse(inNamespace(new URL('worker.fixture.ts', import.meta.url))) as Record<string, unknown>;
  assert.equal(seen['first'], '02:00:00:00:00:01');
  assert.deepEqual(seen['moved'], ['02:00:00:00:00:02']);
  assert.ok(Number(seen['longestSilence']) < 500, `nobody answered for ${seen['longestSilence']} ms`);
  assert.ok(Number(seen['failover']) < 1000, `nobody answered for ${seen['failover']} ms after the crash`);
  const { from } = seen['takeover'] as { readonly from: string };
  assert.equal(from, 'n2');
  assert.equal(seen['afterLeaving'], 0);
  assert.equal(seen['exit'], 0);
});
