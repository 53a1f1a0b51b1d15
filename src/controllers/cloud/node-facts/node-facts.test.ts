import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '../../../api/core/v1/node.ts';
import type { KubeObject } from '../../../api/meta/v1.ts';
import { minutes } from '../../../lib/duration.ts';
import { world } from '../../testing.ts';
import { MemoryCloud } from '../memory.ts';
import type { NodeFacts } from '../provider.ts';
import { node } from '../testing.ts';
import { UNINITIALIZED_TAINT } from './node-facts.ts';
import { nodeFactsController } from './node-facts-controller.ts';

const KEY = { name: 'node1' };
const ZONE = 'topology.kubernetes.io/zone';
const FACTS: NodeFacts = {
  providerID: 'memory://one',
  addresses: [
    { type: 'InternalIP', address: '10.0.0.1' },
    { type: 'ExternalIP', address: '203.0.113.7' },
  ],
  labels: { [ZONE]: 'a', 'node.kubernetes.io/instance-type': 'large' },
};
const OTHER_TAINT = { key: 'example.com/other', effect: 'NoSchedule' };
const TAINT = { key: UNINITIALIZED_TAINT, value: 'true', effect: 'NoSchedule' };

test('a node is told what its provider knows of it, and is then initialized', async (t) => {
  const { get } = await start(t, [node('node1', '192.0.2.1', { spec: { taints: [TAINT, OTHER_TAINT] } })]);
  const { metadata, spec, status } = await get();
  assert.deepEqual(spec, { providerID: 'memory://one', taints: [OTHER_TAINT] });
  assert.deepEqual(metadata.labels, FACTS.labels);
  assert.deepEqual(status?.addresses, [
    { type: 'InternalIP', address: '192.0.2.1' },
    { type: 'ExternalIP', address: '203.0.113.7' },
  ]);
});

test('a node that says no address of its own gets those of its provider', async (t) => {
  const bare = { ...node('node1', ''), status: { addresses: [{ type: 'Hostname', address: 'node1' }] } };
  const { get } = await start(t, [bare]);
  assert.deepEqual((await get()).status?.addresses, [{ type: 'Hostname', address: 'node1' }, ...FACTS.addresses]);
});

test('a providerID, labels and addresses that are there stay, and nothing is written twice', async (t) => {
  const own = node('node1', '192.0.2.1', { labels: { [ZONE]: 'mine' }, spec: { providerID: 'memory://mine' } });
  const { w, get } = await start(t, [own]);
  assert.equal((await get()).spec?.providerID, 'memory://mine');
  assert.equal((await get()).metadata.labels?.[ZONE], 'mine');
  const writes = w.client.writes.length;
  await w.pass(310_000);
  assert.equal(w.client.writes.length, writes);
});

test('an external address that its provider has taken away goes', async (t) => {
  const { w, cloud, get } = await start(t, [node('node1', '192.0.2.1')]);
  cloud.facts.set('node1', { ...FACTS, addresses: [] });
  await w.pass(310_000);
  assert.deepEqual((await get()).status?.addresses, [{ type: 'InternalIP', address: '192.0.2.1' }]);
});

test('a node that no provider knows is left as it is, and asked for again', async (t) => {
  const stranger = node('node2', '192.0.2.2', { spec: { taints: [TAINT] } });
  const { w, cloud } = await start(t, [stranger]);
  assert.deepEqual((await w.find(Node, { name: 'node2' }))?.spec?.taints, [TAINT]);
  cloud.facts.set('node2', { ...FACTS, providerID: 'memory://two' });
  await w.pass(310_000);
  assert.deepEqual((await w.find(Node, { name: 'node2' }))?.spec, { providerID: 'memory://two' });
});

async function start(t: { after(end: () => Promise<void>): void }, objects: readonly KubeObject[]) {
  const clouds: MemoryCloud[] = [];
  const w = await world(objects, (parts) => {
    const cloud = new MemoryCloud({ clock: parts.clock });
    cloud.facts.set('node1', FACTS);
    clouds.push(cloud);
    return nodeFactsController({ ...parts, providers: [cloud.open()], sweep: minutes(5), random: () => 0 });
  });
  t.after(() => w.stop());
  const [cloud] = clouds;
  assert.ok(cloud);
  const get = async () => (await w.find(Node, KEY)) ?? assert.fail('node1 is gone');
  return { w, cloud, get };
}
