import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { Node } from '../api/core/v1/node.ts';
import { silentLogger } from '../host/log.ts';
import { fakeClient } from './fake.ts';
import { Informers } from './informers.ts';

test('parts that start one after another share one watch of a kind', async () => {
  const client = fakeClient([{ apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } }]);
  const listed: string[] = [];
  const list = client.list.bind(client);
  client.list = (kind, options) => {
    listed.push(kind.kind);
    return list(kind, options);
  };
  const informers = new Informers({ client, log: silentLogger });
  const ended = new AbortController();

  const first = informers.of(Node);
  await informers.start(ended.signal);
  const second = informers.of(Node);
  informers.of(Lease);
  await informers.start(ended.signal);

  assert.equal(first, second);
  assert.deepEqual(
    second.list().map(({ metadata }) => metadata.name),
    ['n1'],
  );
  assert.deepEqual(listed, ['Node', 'Lease']);
  ended.abort();
});
