import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Node } from '../../../api/core/v1/node.ts';
import { Service } from '../../../api/core/v1/service.ts';
import type { KubeObject } from '../../../api/meta/v1.ts';
import { minutes } from '../../../lib/duration.ts';
import { world } from '../../testing.ts';
import { MemoryCloud } from '../memory.ts';
import { node, service } from '../testing.ts';
import { nodePortRules } from './node-ports.ts';
import { nodePortsController } from './node-ports-controller.ts';

const ANYONE = ['0.0.0.0/0', '::/0'];
const KEY = { namespace: 'ns', name: 'bare' };

test('a Service of type NodePort asks for each node port, in each of its families', () => {
  const ports = [
    { name: 'dns', protocol: 'UDP' as const, port: 53, nodePort: 30053 },
    { name: 'web', port: 80, nodePort: 30080 },
    { name: 'none', port: 81 },
  ];
  const rule = { owner: 'ns/bare' };
  const v4 = { ...rule, family: 'IPv4', sources: ['0.0.0.0/0'] };
  const v6 = { ...rule, family: 'IPv6', sources: ['::/0'] };
  const both = bare({ ports, ipFamilies: ['IPv4', 'IPv6'] });
  assert.deepEqual(nodePortRules(both, ANYONE), [
    { ...v4, protocol: 'UDP', port: 30053 },
    { ...v4, protocol: 'TCP', port: 30080 },
    { ...v6, protocol: 'UDP', port: 30053 },
    { ...v6, protocol: 'TCP', port: 30080 },
  ]);
  assert.deepEqual(
    nodePortRules(both, ['198.51.100.0/24']).map(({ family, sources }) => [family, ...sources]),
    [
      ['IPv4', '198.51.100.0/24'],
      ['IPv4', '198.51.100.0/24'],
    ],
  );
});

test('other Services ask for none: of other types, left alone, going, or kept out of firewalls', () => {
  const closed = bare();
  const annotations = { 'postern.dev/firewall': 'none' };
  const labels = { 'service.kubernetes.io/service-proxy-name': 'other' };
  for (const each of [
    service('balanced'),
    bare({ type: 'ClusterIP' }),
    { ...closed, metadata: { ...closed.metadata, annotations } },
    { ...closed, metadata: { ...closed.metadata, labels } },
    { ...closed, metadata: { ...closed.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } },
  ]) {
    assert.deepEqual(nodePortRules(each, ANYONE), []);
  }
});

test('node ports are opened soon after a Service exposes them, many at once, and closed when it goes', async (t) => {
  const { w, cloud } = await start(t, [bare(), node('node1', '192.0.2.1')]);
  assert.deepEqual(cloud.nodePorts(), ['IPv4 TCP 30090 from 0.0.0.0/0']);
  const asked = cloud.calls.length;
  for (let i = 0; i < 20; i++) await w.client.create(Service, bare({}, `more-${i}`, 30100 + i));
  await w.settle();
  await w.pass(2000);
  assert.equal(cloud.nodePorts().length, 21);
  assert.equal(cloud.calls.length, asked + 1);
  await w.client.delete(Service, KEY);
  await w.pass(2000);
  assert.equal(cloud.nodePorts().length, 20);
});

test('what was opened before the controller was started and is not wanted is closed', async (t) => {
  const { w, cloud } = await start(t, []);
  assert.deepEqual(cloud.calls, ['ensureNodePorts']);
  await w.pass(310_000);
  assert.deepEqual(cloud.calls, ['ensureNodePorts', 'ensureNodePorts'], 'looked at again, but seldom');
});

test('nodes that come, move or go are told of, and those that only live are not', async (t) => {
  const { w, cloud } = await start(t, [bare(), node('node1', '192.0.2.1')]);
  const askedAfter = async (change: () => void) => {
    const before = cloud.calls.length;
    change();
    await w.pass(2000);
    return cloud.calls.length - before;
  };
  assert.equal(await askedAfter(() => w.client.seed(node('node2', '192.0.2.2'))), 1);
  assert.equal(await askedAfter(() => w.client.seed(node('node2', '192.0.2.3'))), 1);
  assert.equal(await askedAfter(() => w.client.seed(node('node2', '192.0.2.3', { ready: false }))), 0);
  assert.equal(await askedAfter(() => w.client.remove(Node, { name: 'node2' })), 1);
});

test('a node port that cannot be opened is told on its Service, and the others are opened', async (t) => {
  const { w, cloud } = await start(t, []);
  cloud.problems = [{ owner: 'ns/bare', reason: 'SecurityListFull', why: 'the security list has 200 rules' }];
  await w.client.create(Service, bare());
  await w.pass(2000);
  assert.deepEqual(await w.events(bare()), ['SecurityListFull: the security list has 200 rules']);
});

test('a provider that fails is asked again ever more seldom, however many Services change', async (t) => {
  const { w, cloud } = await start(t, []);
  cloud.beforeWrite = () => {
    throw new Error('the service is unavailable');
  };
  await w.client.create(Service, bare());
  await w.settle();
  await w.pass(1000);
  const asked = cloud.calls.length;
  for (let i = 0; i < 4; i++) {
    await w.client.create(Service, bare({}, `more-${i}`, 30100 + i));
    await w.pass(1000);
  }
  assert.equal(cloud.calls.length, asked);
  cloud.beforeWrite = () => {};
  await w.pass(5000);
  assert.equal(cloud.nodePorts().length, 5);
});

function bare(spec: Partial<NonNullable<Service['spec']>> = {}, name = 'bare', nodePort = 30090): Service {
  const { metadata } = service(name);
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: { type: 'NodePort', ipFamilies: ['IPv4'], ports: [{ protocol: 'TCP', port: 80, nodePort }], ...spec },
  };
}

async function start(t: { after(end: () => Promise<void>): void }, objects: readonly KubeObject[]) {
  const clouds: MemoryCloud[] = [];
  const w = await world(objects, (parts) => {
    const cloud = new MemoryCloud({ clock: parts.clock });
    clouds.push(cloud);
    const options = { providers: [cloud.open()], nodePortSources: ANYONE, sweep: minutes(5), random: () => 0 };
    return nodePortsController({ ...parts, ...options });
  });
  t.after(() => w.stop());
  await w.pass(1000);
  const [cloud] = clouds;
  assert.ok(cloud);
  return { w, cloud };
}
