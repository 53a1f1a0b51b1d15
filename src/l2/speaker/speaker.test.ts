import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lease } from '../../api/coordination/v1/lease.ts';
import { Event } from '../../api/core/v1/event.ts';
import { announcerLease, readAnnouncerLease } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import { TransportError } from '../../client/client.ts';
import { fakeClient } from '../../client/fake.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import type { PeerState, PeerStatus } from '../lan/messages.ts';
import { advertisement, node, pool, service, slice } from '../testing.ts';
import { Speaker, type SpeakerOptions } from './speaker.ts';
import { announced, FakeLan } from './testing.ts';

const START = Date.UTC(2026, 0, 1);
const MACS = ['02:00:00:00:00:01'];
const CONFLICT = { address: '192.0.2.10', interface: 'eth0', mac: '02:00:00:00:00:99', since: START };

async function world(options: Pick<SpeakerOptions, 'heartbeatPort' | 'setLogLevel'> = { heartbeatPort: 7952 }) {
  const clock = new FakeClock(START);
  const peer = announcerLease(
    { node: 'n2', port: 7952, hears: ['n1'], onLan: true, macs: ['02:00:00:00:00:02'] },
    START,
  );
  const client = fakeClient(
    [
      node('n1', { internalIPs: ['192.0.2.1'] }),
      node('n2', { internalIPs: ['192.0.2.2'] }),
      pool('lan', ['192.0.2.0/24']),
      advertisement('lan'),
      service('web', ['192.0.2.10']),
      slice('web', '10.244.0.5', ['n1']),
      peer,
    ],
    { clock },
  );
  const lan = new FakeLan();
  const ended = new AbortController();
  const speaker = new Speaker({ client, clock, log: silentLogger, nodeName: 'n1', lan, ...options });
  speaker.start(ended.signal);
  await speaker.synced;
  const pass = async (ms: number) => {
    await settle();
    for (let left = ms; left > 0; left -= 100) {
      await clock.advance(100);
      await settle(3);
    }
    await settle();
  };
  await pass(0);
  const events = async () => {
    const { items } = await client.list(Event);
    return items.map(
      ({ type, reason, involvedObject, message }) => `${type} ${reason} ${involvedObject.kind} ${message}`,
    );
  };
  const lease = async () => {
    const found = (await client.list(Lease)).items.find(({ metadata }) => metadata.name === 'postern-l2.n1');
    return found && readAnnouncerLease(found);
  };
  return { client, clock, lan, speaker, pass, events, lease, end: () => ended.abort() };
}

function peers(state: PeerState, since: number = START): readonly PeerStatus[] {
  return [{ name: 'n2', state, since, roundTrip: undefined }];
}

test('the LAN’s side is told everything, plans before it may act on them', async () => {
  const w = await world();
  const kinds = w.lan.told.map(({ kind }) => kind);
  assert.deepEqual([...new Set(kinds)].sort(), ['api', 'keys', 'peers', 'plans', 'synced']);
  assert.ok(kinds.indexOf('plans') < kinds.indexOf('synced'));
  const [{ changed } = { changed: [] }] = w.lan.of('plans');
  assert.deepEqual(
    changed.map(({ address, services }) => [address, services]),
    [['192.0.2.10', ['ns/web']]],
  );
  assert.deepEqual(changed[0]?.candidates.map((each) => each.node).toSorted(), ['n1', 'n2']);
  assert.deepEqual(
    w.lan
      .of('peers')
      .at(-1)
      ?.peers.map(({ name, port, lease }) => [name, port, lease]),
    [['n2', 7952, 'fresh']],
  );
  assert.equal(w.lan.of('keys').at(-1)?.keys[0]?.secret.length, 32);
  assert.equal(w.lan.of('api').at(-1)?.reachable, true);
  w.end();
});

test('the lease says the port once there is a key, and whom this node hears and by which MACs it announces', async () => {
  const w = await world();
  await w.pass(600);
  assert.deepEqual(await w.lease().then((lease) => lease?.port), 7952);
  w.lan.say({ kind: 'peers', peers: peers('heard'), hears: ['n2'], onLan: false, macs: MACS });
  await w.pass(600);
  const lease = await w.lease();
  assert.deepEqual([lease?.hears, lease?.onLan, lease?.macs], [['n2'], false, MACS]);
  w.end();
});

test('a node without heartbeats makes no key, and says no port', async () => {
  const w = await world({ heartbeatPort: undefined });
  await w.pass(600);
  assert.equal((await w.lease())?.port, undefined);
  assert.deepEqual(w.lan.of('keys'), []);
  assert.ok(!w.client.writes.some(({ kind }) => kind === 'Secret'));
  w.end();
});

test('a node that hears nobody any more soon knows whether the API is there', async () => {
  const w = await world();
  w.lan.say({ kind: 'peers', peers: peers('heard'), hears: ['n2'], onLan: true, macs: MACS });
  await w.pass(1000);
  w.client.failWith(() => new TransportError('down'));
  w.lan.say({ kind: 'peers', peers: peers('lost'), hears: [], onLan: true, macs: MACS });
  await w.pass(1000);
  assert.equal(w.lan.of('api').at(-1)?.reachable, false);
  w.end();
});

test('an announcement is written down, on the Service and as a ServiceL2Status, and taken back', async () => {
  const w = await world();
  w.lan.say({ kind: 'announcing', announced: announced('192.0.2.10', ['ns/web']) });
  await w.pass(200);
  w.lan.say({ kind: 'announcing', announced: announced('192.0.2.10', ['ns/web'], ['eth0', 'eth1']) });
  await w.pass(200);
  assert.deepEqual(await w.events(), ['Normal nodeAssigned Service announcing from node "n1" with protocol "layer2"']);
  const { items } = await w.client.list(ServiceL2Status);
  assert.deepEqual(
    items.map(({ status }) => [status?.node, status?.interfaces?.length]),
    [['n1', 2]],
  );
  w.lan.say({ kind: 'withdrawn', address: '192.0.2.10', why: 'n2 announces it' });
  await w.pass(200);
  assert.deepEqual((await w.client.list(ServiceL2Status)).items, []);
  w.lan.say({ kind: 'announcing', announced: announced('192.0.2.10', ['ns/web']) });
  await w.pass(200);
  const [event] = (await w.client.list(Event)).items;
  assert.deepEqual([event?.count, event?.source], [2, { component: 'metallb-speaker', host: 'n1' }]);
  w.end();
});

test('interfaces that are not there are told as MetalLB tells them', async () => {
  const w = await world();
  w.lan.say({ kind: 'announcing', announced: announced('192.0.2.10', ['ns/web'], []) });
  await w.pass(100);
  assert.match(
    (await w.events()).join(),
    /^Warning announceFailed Service the interfaces to announce "192.0.2.10" on are not there on node "n1"/,
  );
  w.end();
});

test('a conflict is an Event on the Services that have the address, with the host’s MAC and the interface', async () => {
  const w = await world();
  w.lan.say({ kind: 'conflict', conflict: CONFLICT, state: 'begun' });
  w.lan.say({ kind: 'conflict', conflict: CONFLICT, state: 'over' });
  await w.pass(100);
  const [begun = '', over = ''] = await w.events();
  assert.match(
    begun,
    /^Warning AddressConflict Service 192.0.2.10 is not announced on interface eth0 of node "n1": the host 02:00:00:00:00:99 holds it/,
  );
  assert.match(over, /^Normal AddressConflictOver Service 192.0.2.10 is free again/);
  w.end();
});

test('of an address that another host holds, it is not said that its interfaces are not there', async () => {
  const w = await world();
  w.lan.say({ kind: 'conflict', conflict: CONFLICT, state: 'begun' });
  w.lan.say({ kind: 'announcing', announced: announced(CONFLICT.address, ['ns/web'], []) });
  await w.pass(100);
  const told = await w.events();
  assert.equal(told.length, 1);
  assert.match(told.join(), /AddressConflict/);
  w.end();
});

test('heartbeats that should arrive and do not are told once, after ten seconds', async () => {
  const w = await world();
  w.lan.say({ kind: 'peers', peers: peers('leased'), hears: [], onLan: true, macs: MACS });
  await w.pass(9000);
  assert.deepEqual(await w.events(), []);
  await w.pass(2000);
  assert.match(
    (await w.events()).join(),
    /^Warning HeartbeatsNotReceived Node the announcers of n2 live, and their heartbeats do not arrive: let UDP port 7952 pass/,
  );
  await w.pass(30_000);
  assert.equal((await w.client.list(Event)).items[0]?.count, 1);
  w.end();
});

test('heartbeats that no key fits have the Secret read again', async () => {
  const w = await world();
  await w.pass(3000);
  let asked = 0;
  w.client.failWith((verb, kind) => {
    if (verb === 'get' && kind === 'Secret') asked++;
    return undefined;
  });
  w.lan.say({ kind: 'unknown-key' });
  await w.pass(500);
  assert.equal(asked, 1);
  w.end();
});

test('the MetalLB object says how much is logged, while it is there', async () => {
  const levels: unknown[] = [];
  const w = await world({ heartbeatPort: 7952, setLogLevel: (level) => levels.push(level) });
  const key = { namespace: 'metallb-system', name: 'metallb' };
  const settings: MetalLB = {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'MetalLB',
    metadata: key,
    spec: { logLevel: 'all' },
  };
  w.client.seed(settings);
  await w.pass(0);
  w.client.remove(MetalLB, key);
  await w.pass(0);
  assert.deepEqual(levels, ['debug', undefined]);
  w.end();
});

test('at the end the lease goes first, and what has ended is written down', async () => {
  const w = await world();
  w.lan.say({ kind: 'announcing', announced: announced('192.0.2.10', ['ns/web']) });
  await w.pass(600);
  assert.ok(await w.lease());
  await w.speaker.leaving();
  assert.equal(await w.lease(), undefined);
  w.lan.say({ kind: 'withdrawn', address: '192.0.2.10', why: 'it is about to stop' });
  await w.speaker.finish();
  assert.deepEqual((await w.client.list(ServiceL2Status)).items, []);
  w.end();
});

test('an API that does not answer holds up the end for a second and a half at most', async () => {
  const w = await world();
  w.lan.say({ kind: 'announcing', announced: announced('192.0.2.10', ['ns/web']) });
  await w.pass(600);
  w.client.delete = () => new Promise(() => {});
  let ended = false;
  w.lan.say({ kind: 'withdrawn', address: '192.0.2.10', why: 'it is about to stop' });
  void w.speaker
    .leaving()
    .then(() => w.speaker.finish())
    .then(() => {
      ended = true;
    });
  await w.pass(1700);
  assert.equal(ended, true);
  w.end();
});
