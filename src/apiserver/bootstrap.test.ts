import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../host/clock.ts';
import { startTestServer } from './testing/server.ts';

const NAMESPACE = '/api/v1/namespaces/metallb-system';

test('the namespace of MetalLB’s objects is there from the start, and again after it was deleted', async () => {
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const api = await startTestServer({ clock });
  try {
    const { uid } = (await api.call('GET', NAMESPACE)).body.metadata;
    assert.equal((await api.call('DELETE', NAMESPACE)).code, 200);
    // Nobody empties namespaces here.
    const emptied = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'metallb-system' },
      spec: { finalizers: [] },
    };
    assert.equal((await api.call('PUT', `${NAMESPACE}/finalize`, { body: emptied })).code, 200);
    assert.equal((await api.call('GET', NAMESPACE)).code, 404);
    for (let i = 0; i < 50; i++) {
      await clock.advance(60_000);
      const { code, body } = await api.call('GET', NAMESPACE);
      if (code === 200) return assert.notEqual(body.metadata.uid, uid);
    }
    assert.fail('it did not come back');
  } finally {
    await api.close();
  }
});
