import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { failure } from '../api/status.ts';
import { fakeClient } from './fake.ts';
import { getAny, listAny } from './optional.ts';

const key = { namespace: 'ns', name: 'one' };
const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: key };

test('what is there is read', async () => {
  const client = fakeClient([lease]);
  assert.equal((await getAny(client, Lease, key))?.metadata.name, 'one');
  assert.equal((await listAny(client, Lease, { namespace: 'ns' })).length, 1);
  assert.equal((await listAny(client, Lease, { namespace: 'other' })).length, 0);
  assert.equal(await getAny(client, Lease, { ...key, name: 'two' }), undefined);
});

test('a kind that the server lacks has no objects, and any other failure is one', async () => {
  const client = fakeClient([lease]);
  client.failWith(() => failure(404, 'NotFound', 'the server could not find the requested resource'));
  assert.equal(await getAny(client, Lease, key), undefined);
  assert.deepEqual(await listAny(client, Lease), []);
  client.failWith(() => failure(403, 'Forbidden', 'no'));
  await assert.rejects(getAny(client, Lease, key), /no/);
  await assert.rejects(listAny(client, Lease), /no/);
});
