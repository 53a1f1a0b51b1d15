import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import { failure } from '../../api/status.ts';
import { TransportError } from '../../client/client.ts';
import { type FakeClient, fakeClient } from '../../client/fake.ts';
import { Informers } from '../../client/informers.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { node } from '../testing.ts';
import { desiredStatus, statusName } from './status.ts';
import { Statuses } from './statuses.ts';
import { announced } from './testing.ts';

function world(nodeName = 'n1', client: FakeClient = fakeClient([]), gone: readonly string[] = []) {
  const clock = new FakeClock();
  const ended = new AbortController();
  const parts = { client, clock, log: silentLogger };
  const informers = new Informers(parts);
  const reported: string[] = [];
  const statuses = new Statuses({
    ...{ ...parts, informers, nodeName },
    node: () => ({ ...node(nodeName), metadata: { name: nodeName, uid: `uid-${nodeName}` } }),
    isGone: (name) => gone.includes(name),
    report: (key, all) => reported.push(`${key} ${all.map(({ address }) => address).join()}`),
  });
  void informers.start(ended.signal);
  const running = statuses.run(ended.signal);
  const pass = async (ms = 1000) => {
    for (let left = ms; left > 0; left -= 10) {
      await settle(4);
      await clock.advance(10);
    }
    await settle();
  };
  const shown = async () => {
    const { items } = await client.list(ServiceL2Status);
    const lines = items.map(({ status: { serviceNamespace, serviceName, node, interfaces } = {} }) => {
      const names = (interfaces ?? []).map(({ name }) => name).join('+');
      return `${serviceNamespace}/${serviceName} ${node} ${names}`;
    });
    return lines.sort();
  };
  const end = async () => {
    ended.abort();
    await running;
  };
  return { client, statuses, reported, pass, shown, end };
}

test('a Service has one status for both its addresses, named and labelled as MetalLB’s users look for it', async () => {
  const w = world();
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/web'], ['eth0']));
  w.statuses.set('2001:db8::1', announced('2001:db8::1', ['ns/web'], ['eth1']));
  await w.pass();
  assert.deepEqual(await w.shown(), ['ns/web n1 eth0+eth1']);
  const [made] = (await w.client.list(ServiceL2Status)).items;
  assert.equal(made?.metadata.namespace, 'metallb-system');
  assert.match(made.metadata.name ?? '', /^l2-[0-9a-f]{32}$/);
  assert.deepEqual(made.metadata.labels, {
    'metallb.io/node': 'n1',
    'metallb.io/service-name': 'web',
    'metallb.io/service-namespace': 'ns',
  });
  assert.deepEqual(
    made.metadata.ownerReferences?.map(({ kind, uid }) => `${kind} ${uid}`),
    ['Node uid-n1'],
  );
  await w.end();
});

test('it follows interfaces, and goes with the last address', async () => {
  const w = world();
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/a', 'ns/b']));
  await w.pass();
  assert.deepEqual(await w.shown(), ['ns/a n1 eth0', 'ns/b n1 eth0']);
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/b'], ['eth7']));
  await w.pass();
  assert.deepEqual(await w.shown(), ['ns/b n1 eth7']);
  w.statuses.set('192.0.2.1', undefined);
  await w.pass();
  assert.deepEqual(await w.shown(), []);
  await w.end();
});

test('nothing is written that is as it should be', async () => {
  const w = world();
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/web']));
  await w.pass();
  const before = w.client.writes.length;
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/web']));
  await w.pass();
  assert.equal(w.client.writes.length, before);
  await w.end();
});

test('what an earlier run has left is removed at the start', async () => {
  const left = desiredStatus('ns/old', [announced('192.0.2.9', ['ns/old'])], { nodeName: 'n1', node: undefined });
  assert.ok(left);
  const w = world('n1', fakeClient([left]));
  await w.pass();
  assert.deepEqual(await w.shown(), []);
  await w.end();
});

test('whoever announces now removes what a lost node has left, and nothing of one that lives', async () => {
  const of = (nodeName: string) => {
    const made = desiredStatus('ns/web', [announced('192.0.2.9', ['ns/web'])], { nodeName, node: undefined });
    assert.ok(made);
    return made;
  };
  const gone = ['n2'];
  const w = world('n1', fakeClient([of('n2'), of('n3')]), gone);
  await w.pass();
  assert.deepEqual(await w.shown(), ['ns/web n2 eth0', 'ns/web n3 eth0']);
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/web']));
  await w.pass();
  assert.deepEqual(await w.shown(), ['ns/web n1 eth0', 'ns/web n3 eth0']);
  gone.push('n3');
  w.statuses.nodeChanged('n3');
  await w.pass();
  assert.deepEqual(await w.shown(), ['ns/web n1 eth0']);
  await w.end();
});

test('one that somebody deletes comes back', async () => {
  const w = world();
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/web']));
  await w.pass();
  w.client.remove(ServiceL2Status, { namespace: 'metallb-system', name: statusName('ns/web', 'n1') });
  await w.pass();
  assert.deepEqual(await w.shown(), ['ns/web n1 eth0']);
  await w.end();
});

test('a thousand Services are written at a bounded rate, and all of them in the end', async () => {
  const w = world();
  for (let i = 0; i < 1000; i++) {
    const address = `192.0.${2 + (i >> 8)}.${i & 255}`;
    w.statuses.set(address, announced(address, [`ns/s${i}`]));
  }
  await w.pass(1000);
  const first = (await w.shown()).length;
  assert.ok(first > 50 && first <= 110, `${first} in the first second`);
  let idle = false;
  void w.statuses.idle().then(() => {
    idle = true;
  });
  await w.pass(11_000);
  assert.equal((await w.shown()).length, 1000);
  assert.equal(idle, true);
  await w.end();
});

test('while the API cannot be reached everything waits, and is written and told when it is back', async () => {
  const w = world();
  await w.pass();
  w.client.failWith(() => new TransportError('down'));
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/web']));
  await w.pass(20_000);
  assert.deepEqual(w.reported, []);
  w.client.failWith(undefined);
  await w.pass(4000);
  assert.deepEqual(await w.shown(), ['ns/web n1 eth0']);
  assert.equal(w.reported[0], 'ns/web 192.0.2.1');
  await w.end();
});

test('a server that refuses statuses keeps nobody from being told', async () => {
  const w = world();
  await w.pass();
  w.client.failWith((_, kind) => (kind === 'ServiceL2Status' ? failure(403, 'Forbidden', 'no') : undefined));
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/web']));
  await w.pass(100);
  assert.equal(w.reported[0], 'ns/web 192.0.2.1');
  await w.end();
});

test('a cluster without the kind is left in peace', async () => {
  const client = fakeClient([]);
  client.failWith((_, kind) => (kind === 'ServiceL2Status' ? failure(404, 'NotFound', 'no such kind') : undefined));
  const w = world('n1', client);
  w.statuses.set('192.0.2.1', announced('192.0.2.1', ['ns/web']));
  await w.pass();
  await w.statuses.idle();
  assert.deepEqual(client.writes, []);
  await w.end();
});

test('a node’s name that is longer than a label’s value is cut there, and whole in the status', () => {
  const nodeName = `${'n'.repeat(62)}.example`;
  const made = desiredStatus('ns/web', [announced('192.0.2.1', ['ns/web'])], { nodeName, node: undefined });
  assert.equal(made?.metadata.labels?.['metallb.io/node'], 'n'.repeat(62));
  assert.equal(made?.status?.node, nodeName);
});
