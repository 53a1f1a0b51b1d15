import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event } from '../../api/core/v1/event.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EventRecorder } from '../../client/events.ts';
import { fakeClient } from '../../client/fake.ts';
import { Informers } from '../../client/informers.ts';
import { settle } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { printMetrics } from '../../lib/metrics.ts';
import { BLOCKED } from '../reasons.ts';
import { apiSlice, node, type ServiceParts, service } from '../testing.ts';
import type { Connection } from './connect.ts';
import type { Outcome } from './outcome.ts';
import { parseSummary, TRIES_ANNOTATION } from './summary.ts';
import { slice, tryingNode } from './testing.ts';
import { startVerifier } from './verifier.ts';

const REACHED: Outcome = { kind: 'reached' };
const SILENT: Outcome = { kind: 'silent' };
const WEB = 'TCP 192.0.2.1:30080 of node "a"';

const exposed = (nodePort: number, more: ServiceParts = {}): ServiceParts => ({
  ...{ type: 'NodePort', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, nodePort }] },
  ...more,
});

/** Node b, which with a alone has to try a; what comes of a connection is for the test to say. */
async function world(
  objects: Parameters<typeof fakeClient>[0] = [service('web', exposed(30_080)), slice('web', ['a', 'b'])],
  past?: (to: string) => void,
) {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const nodes = [tryingNode('a', ['192.0.2.1']), tryingNode('b', ['192.0.2.2'])];
  const client = fakeClient([...nodes, ...objects], { clock });
  const informers = new Informers({ client, log: silentLogger, clock });
  const ending = new AbortController();
  const tried: { readonly at: number; readonly to: string }[] = [];
  const began = clock.now();
  const state = { outcome: (_: Connection): Outcome => REACHED };
  const connect = async (connection: Connection) => {
    tried.push({ at: clock.now() - began, to: `${connection.address}:${connection.port}` });
    return state.outcome(connection);
  };
  const connectPastProxy = async ({ address, port }: Connection) => {
    past?.(`${address}:${port}`);
    return REACHED;
  };
  const options = { client, informers, clock, nodeName: 'b', policy: 'managed', log: silentLogger } as const;
  const running = startVerifier(
    { ...options, connect, ...(past && { connectPastProxy }), random: () => 0.5 },
    ending.signal,
  );
  await informers.start(ending.signal);
  await settle();
  return {
    ...{ clock, client, tried, state, running },
    async pass(seconds: number) {
      for (let i = 0; i < seconds; i++) {
        await clock.advance(1000);
        await settle(4);
      }
    },
    /** Those of node a's web, not what is behind it. */
    times: () => tried.filter(({ to }) => to === '192.0.2.1:30080').map(({ at }) => Math.floor(at / 1000)),
    events: async () =>
      (await client.list(Event)).items
        .filter(({ reason }) => reason !== BLOCKED)
        .map(
          ({ involvedObject, reason, message }) =>
            `${involvedObject?.kind} ${involvedObject?.name} ${reason} ${message}`,
        ),
    said: async () => {
      const { metadata } = await client.get(Node, { name: 'b' });
      return parseSummary(metadata.annotations?.[TRIES_ANNOTATION] ?? '');
    },
    async end() {
      ending.abort();
      await running.stopped;
    },
  };
}

/** The node port is lost; what is behind it answers. */
const lostAt =
  (outcome: Outcome) =>
  ({ address }: Connection): Outcome =>
    address.startsWith('192.0.2.') ? outcome : REACHED;

test('what is exposed elsewhere is tried once it had time to be opened, and again only seldom', async () => {
  const w = await world();
  assert.deepEqual(w.tried, []);
  await w.pass(60);
  assert.deepEqual(w.times(), [2]);
  assert.deepEqual(
    [...(await w.said())].map(([name, { ports, blocked }]) => [name, ports, blocked]),
    [['a', [30_080], []]],
  );
  await w.pass(600);
  assert.deepEqual(w.times(), [2, 602]);
  assert.deepEqual(await w.events(), []);
  await w.end();
});

test('what is blocked is tried again ever more seldom, told once, and taken back when it is open', async () => {
  const w = await world();
  w.state.outcome = lostAt(SILENT);
  await w.pass(4);
  assert.deepEqual(await w.events(), []);
  await w.pass(120);
  const times = w.times();
  const gaps = times.slice(1).map((at, i) => at - (times[i] ?? 0));
  assert.equal(times[0], 2);
  for (const [i, atLeast] of [4, 8, 16, 32].entries()) {
    // The clock goes in steps of a second.
    assert((gaps[i] ?? 0) >= atLeast && (gaps[i] ?? 0) < atLeast * 1.25 + 3, `${times}`);
  }
  assert.deepEqual(await w.events(), [
    `Service web FirewallUnreached ${WEB} cannot be reached from node "b": nothing answers; the firewall of node "a" lets it in, ` +
      'as far as is known: so something on the way drops it, such as a security list of a cloud or a filter of a switch',
  ]);
  assert.deepEqual((await w.said()).get('a')?.blocked, [
    { owner: 'n/web', address: '192.0.2.1', port: 30_080, why: 'nothing answers' },
  ]);
  assert.match(printMetrics(w.running.metrics()), /tries_total\{outcome="silent"\} 5\n.*blocked_ports 1\n/s);
  w.state.outcome = () => REACHED;
  await w.pass(120);
  assert.equal((await w.events()).at(-1), `Service web FirewallReached ${WEB} is reached from node "b"`);
  assert.deepEqual((await w.said()).get('a')?.blocked, []);
  await w.end();
});

test('the rule is named that the other node’s own agent found, and the device that answered for it', async () => {
  const w = await world();
  const recorder = new EventRecorder({ ...w, component: 'postern-firewall', host: 'a', log: silentLogger });
  const web = await w.client.get(Service, { namespace: 'n', name: 'web' });
  recorder.event(web, 'Warning', BLOCKED, 'TCP 192.0.2.1:30081 is exposed, and blocked on node "a" by another');
  recorder.event(
    web,
    'Warning',
    BLOCKED,
    'TCP 192.0.2.1:30080 is exposed, and blocked on node "a" by rule 3 of chain input',
  );
  await recorder.flush();
  w.state.outcome = lostAt(SILENT);
  await w.pass(10);
  assert.match((await w.events()).at(-1) ?? '', /its own node says that it is blocked by rule 3 of chain input$/);
  await w.client.delete(Event, { namespace: 'n', name: (await blockedEvents(w.client)).at(-1) ?? '' });
  w.state.outcome = lostAt({ kind: 'refused', by: '192.0.2.254', says: 'administratively prohibited (ICMP 3/13)' });
  await w.pass(30);
  assert.match(
    (await w.events()).at(-1) ?? '',
    /192\.0\.2\.254 answers: administratively prohibited \(ICMP 3\/13\); that is a device between the two nodes$/,
  );
  await w.end();
});

const blockedEvents = async (client: Awaited<ReturnType<typeof world>>['client']) =>
  (await client.list(Event)).items
    .filter(({ message = '' }) => message.includes(':30080 is exposed'))
    .map(({ metadata }) => metadata.name ?? '');

test('no firewall is blamed for what does not answer behind it', async () => {
  const w = await world();
  w.state.outcome = () => SILENT;
  await w.pass(120);
  assert(w.times().length > 3);
  assert.deepEqual(await w.events(), []);
  assert.deepEqual((await w.said()).get('a')?.blocked, []);
  await w.end();
});

test('a change of the Service is tried at once, one that goes is forgotten, and who says no is left alone', async () => {
  const w = await world();
  await w.pass(30);
  w.client.seed(service('web', exposed(30_081)));
  await w.pass(10);
  assert.deepEqual(
    w.tried.map(({ to }) => to),
    ['192.0.2.1:30080', '192.0.2.1:30081'],
  );
  w.client.seed(service('web', exposed(30_081, { labels: { app: 'web' } })));
  await w.pass(10);
  assert.equal(w.tried.length, 2);
  w.client.seed(service('web', exposed(30_081, { annotations: { 'postern.dev/firewall-verify': 'false' } })));
  await w.pass(10);
  assert.equal(w.tried.length, 2);
  assert.equal((await w.said()).size, 0);
  w.client.seed(service('web', exposed(30_081)));
  await w.pass(10);
  w.client.remove(Service, { namespace: 'n', name: 'web' });
  await w.pass(10);
  assert.equal(w.tried.length, 3);
  assert.equal((await w.said()).size, 0);
  await w.end();
});

test('endpoints that come are waited for', async () => {
  const w = await world([service('web', exposed(30_080)), slice('web', [])]);
  await w.pass(30);
  assert.deepEqual(w.times(), []);
  w.client.seed(slice('web', ['a']));
  await w.pass(30);
  const [first = 0, ...more] = w.times();
  assert(first >= 32 && first <= 33 && more.length === 0, `${w.times()}`);
  await w.end();
});

test('the API is tried where it is served, and what keeps it from other nodes told to its Node', async () => {
  const w = await world([apiSlice('192.0.2.1')]);
  w.state.outcome = lostAt(SILENT);
  await w.pass(10);
  assert.match(
    (await w.events()).join(),
    /^Node a FirewallUnreached TCP 192\.0\.2\.1:6443 of node "a" cannot be reached/,
  );
  await w.end();
});

test('nodes that do not try, or are not ready, are not tried; and another takes the turn of one that goes', async () => {
  const w = await world();
  w.client.seed(node('a', ['192.0.2.1']));
  await w.pass(20);
  assert.deepEqual(w.tried, []);
  w.client.seed(tryingNode('a', ['192.0.2.1']));
  const others = ['c', 'd', 'e', 'f', 'g', 'h', 'i', 'j'];
  for (const [i, name] of others.entries()) w.client.seed(tryingNode(name, [`192.0.2.${i + 10}`]));
  await w.pass(20);
  const before = new Set(w.tried.map(({ to }) => to));
  assert(before.size < 9, `${before.size} of 9`);
  for (const name of others.slice(1)) w.client.remove(Node, { name });
  w.client.remove(Node, { name: 'c' });
  await w.pass(20);
  assert(w.tried.some(({ to }) => to === '192.0.2.1:30080'));
  await w.end();
});

test('a node that was made anew is said to try again', async () => {
  const w = await world();
  await w.pass(10);
  assert.equal((await w.said()).size, 1);
  w.client.seed({ ...tryingNode('b', ['192.0.2.2']), metadata: { name: 'b' } });
  await w.pass(10);
  assert.equal((await w.said()).size, 1);
  await w.end();
});

test('connections are tried a few at a time, however many there are', async () => {
  const many = Array.from({ length: 100 }, (_, i) => [service(`s${i}`, exposed(30_100 + i)), slice(`s${i}`, ['a'])]);
  const w = await world(many.flat());
  await w.pass(20);
  assert.equal(w.tried.length, 100);
  for (const [i, { at }] of w.tried.entries()) {
    const within = w.tried.slice(i).filter((one) => one.at < at + 1000).length;
    assert(within <= 21, `${within} in one second`);
  }
  await w.end();
});

test('an address on the LAN is tried past this node’s own proxy, at the node that announces it', async () => {
  const parts: ServiceParts = { type: 'LoadBalancer', ingress: [{ ip: '192.0.2.200' }] };
  const past: string[] = [];
  const w = await world(
    [service('web', exposed(30_080, parts)), slice('web', ['a'])],
    (address) => void past.push(address),
  );
  await w.pass(20);
  assert.deepEqual([w.times().length, past], [1, []]);
  const status = { node: 'a', serviceName: 'web', serviceNamespace: 'n' };
  w.client.seed({
    ...{ apiVersion: 'metallb.io/v1beta1', kind: 'ServiceL2Status' },
    metadata: { namespace: 'm', name: 'x' },
    status,
  });
  await w.pass(20);
  assert.deepEqual([w.times().length, past], [2, ['192.0.2.200:80']]);
  assert.deepEqual((await w.said()).get('a')?.ports, [30_080, '192.0.2.200:80']);
  await w.end();
});
