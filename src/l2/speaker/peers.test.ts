import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../../api/coordination/v1/lease.ts';
import { Node } from '../../api/core/v1/node.ts';
import { announcerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { fakeClient } from '../../client/fake.ts';
import { Informer } from '../../client/informer.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import type { PeerFacts } from '../lan/messages.ts';
import { node } from '../testing.ts';
import { internalIPs, Peers } from './peers.ts';

const START = Date.UTC(2026, 0, 1);
const lease = (name: string, renewed: number, over: { hears?: readonly string[]; onLan?: boolean } = {}) =>
  announcerLease({ node: name, port: 7952, hears: over.hears ?? [], onLan: over.onLan ?? true }, renewed);

async function world(leases: readonly Lease[]) {
  const clock = new FakeClock(START);
  const nodes = ['n1', 'n2', 'n3'].map((name, i) => node(name, { internalIPs: [`192.0.2.${i + 1}`] }));
  const client = fakeClient([...nodes, ...leases], { clock });
  const parts = { client, clock, log: silentLogger };
  const told: (readonly PeerFacts[])[] = [];
  const ended = new AbortController();
  const informers = {
    nodes: new Informer({ ...parts, kind: Node }),
    leases: new Informer({ ...parts, kind: Lease, namespace: 'metallb-system' }),
  };
  const peers = new Peers({ nodeName: 'n1', ...informers, clock, tell: (facts) => told.push(facts) });
  for (const informer of Object.values(informers)) informer.start(ended.signal);
  void peers.run(ended.signal);
  await settle();
  const state = () => Object.fromEntries((told.at(-1) ?? []).map((facts) => [facts.name, facts.lease]));
  const pass = async (count: number) => {
    for (let i = 0; i < count; i++) {
      await clock.advance(1000);
      await settle(3);
    }
  };
  return { clock, client, told, state, pass, end: () => ended.abort() };
}

test('tells where the others are, once everything is known', async () => {
  const w = await world([lease('n2', START, { hears: ['n1', 'n3'], onLan: false })]);
  assert.deepEqual(w.told, [
    [
      {
        name: 'n2',
        addresses: ['192.0.2.2'],
        port: 7952,
        lease: 'fresh',
        leaseDuration: seconds(15),
        hears: ['n1', 'n3'],
        onLan: false,
        macs: [],
      },
      { name: 'n3', addresses: ['192.0.2.3'], port: undefined, lease: 'none', hears: [], onLan: true },
    ],
  ]);
  w.end();
});

test('a lease runs out when it is not renewed, and comes back when it is; renewals alone are no news', async () => {
  const w = await world([lease('n2', START)]);
  for (let i = 0; i < 6; i++) {
    await w.pass(5);
    w.client.seed(lease('n2', w.clock.now()));
    await settle();
  }
  assert.equal(w.told.length, 1);
  await w.pass(14);
  assert.equal(w.state()['n2'], 'fresh');
  await w.pass(1);
  assert.equal(w.state()['n2'], 'stale');
  w.client.seed(lease('n2', w.clock.now()));
  await settle();
  assert.equal(w.state()['n2'], 'fresh');
  w.end();
});

test('what a lease’s timestamp says counts at first sight only', async () => {
  // Its clock is an hour behind.
  const w = await world([lease('n2', START - 3_600_000), lease('n3', START - 3_600_000)]);
  assert.deepEqual(w.state(), { n2: 'stale', n3: 'stale' });
  await w.pass(3);
  w.client.seed(lease('n2', START - 3_600_000 + 5000));
  await settle();
  assert.deepEqual(w.state(), { n2: 'fresh', n3: 'stale' });
  w.end();
});

test('a lease that is deleted says that the announcer is gone', async () => {
  const w = await world([lease('n2', START)]);
  w.client.remove(Lease, { namespace: 'metallb-system', name: 'postern-l2.n2' });
  await settle();
  assert.equal(w.state()['n2'], 'none');
  w.client.remove(Node, { name: 'n2' });
  await settle();
  assert.deepEqual(w.state(), { n3: 'none' });
  w.end();
});

test('a lease of what is no node is nobody’s', async () => {
  const w = await world([lease('stranger', START)]);
  assert.deepEqual(Object.keys(w.state()), ['n2', 'n3']);
  w.end();
});

test('of each family the first InternalIP counts', () => {
  const all = ['192.0.2.1', 'x', '192.0.2.9', '2001:DB8::1', '2001:db8::2'];
  assert.deepEqual(internalIPs(node('n', { internalIPs: all })), ['192.0.2.1', '2001:db8::1']);
});
