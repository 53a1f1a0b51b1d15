import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { Node } from '../api/core/v1/node.ts';
import { silentLogger } from '../host/log.ts';
import { fakeClient } from './fake.ts';
import { Informers } from './informers.ts';
import { eventually } from './testing.ts';

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

test('those who listen late may be told in turns, across kinds what changed last before all else', async () => {
  const node = (name: string, labels = {}): Node => ({ apiVersion: 'v1', kind: 'Node', metadata: { name, labels } });
  const lease = (name: string): Lease => ({
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'ns' },
  });
  const client = fakeClient([node('n1'), node('n2'), lease('l1'), lease('l2')]);
  const informers = new Informers({ client, log: silentLogger, lateInTurns: true });
  const ended = new AbortController();
  const [nodes, leases] = [informers.of(Node), informers.of(Lease)];
  await informers.start(ended.signal);
  client.seed(lease('l3'));
  client.seed(node('n2', { changed: 'yes' }));
  await eventually(() => leases.list().length === 3 && nodes.get('n2')?.metadata.labels?.['changed'] === 'yes');

  const told: string[] = [];
  nodes.onChange(({ key }) => told.push(key));
  leases.onChange(({ key }) => told.push(key));
  assert.deepEqual(told, []);
  await informers.start(ended.signal);
  assert.deepEqual(told, ['n2', 'ns/l3', 'n1', 'ns/l1', 'ns/l2']);
  ended.abort();
});
