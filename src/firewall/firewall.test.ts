import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Event } from '../api/core/v1/event.ts';
import { Node } from '../api/core/v1/node.ts';
import { Service } from '../api/core/v1/service.ts';
import { fakeClient } from '../client/fake.ts';
import { eventually, settle } from '../client/testing.ts';
import { FakeClock } from '../host/clock.ts';
import { silentLogger } from '../host/log.ts';
import type { Changes, FirewallBackend, Opening, Verdict } from './backend.ts';
import { type FirewallOptions, startFirewall } from './firewall.ts';
import { MemoryRules, memoryFirewall } from './memory.ts';
import { apiSlice, lines, node, type ServiceParts, service } from './testing.ts';
import { printSummary, TRIES_ANNOTATION } from './verify/summary.ts';

const exposed = (nodePort: number, more: ServiceParts = {}): ServiceParts => ({
  ...{ type: 'NodePort', clusterIPs: ['10.96.0.9'], ports: [{ port: 80, nodePort }] },
  ...more,
});
const WEB = 'tcp 192.0.2.1 30080 node-port of n/web';
const API = 'tcp 192.0.2.1 6443 api of cluster from 192.0.2.2/32';
const HEARTBEATS = 'udp 192.0.2.1 7952 heartbeats of cluster from 192.0.2.2/32';

/** A backend that notes what it is told, and can lose its rules to others. */
class Watched {
  readonly rules = new MemoryRules();
  readonly calls: string[] = [];
  verdict: Verdict | undefined;
  lose: () => void = () => {};

  open(): FirewallBackend {
    const memory = memoryFirewall(this.rules);
    return {
      ...memory,
      load: (openings: readonly Opening[]) => {
        this.calls.push(`load ${openings.length}`);
        return memory.load(openings);
      },
      change: (changes: Changes) => {
        this.calls.push(`change +${changes.added.length} -${changes.removed.length}`);
        return memory.change(changes);
      },
      verdicts: async (openings) => {
        this.calls.push(`verdicts ${openings.length}`);
        const { verdict } = this;
        return verdict === undefined ? memory.verdicts(openings) : openings.map(() => verdict);
      },
      watch: (changed: () => void) => {
        this.lose = () => {
          this.rules.admissions.clear();
          changed();
        };
      },
    };
  }
}

function world(more: Partial<FirewallOptions> = {}, watched = new Watched()) {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const nodes = [node('a', ['192.0.2.1']), node('b', ['192.0.2.2'])];
  const client = fakeClient([...nodes, apiSlice('192.0.2.1'), service('web', exposed(30_080))], { clock });
  const ending = new AbortController();
  const start = () =>
    startFirewall(
      {
        ...{ client, clock, nodeName: 'a', nodeAddresses: ['192.0.2.1'], heartbeatPort: 7952, policy: 'managed' },
        ...{ backend: watched.open(), log: silentLogger, ...more },
      },
      ending.signal,
    );
  const open = () => lines([...watched.rules.admissions.values()]);
  const becomes = (expected: readonly string[]) =>
    eventually(() => {
      assert.deepEqual(open(), expected);
      return true;
    });
  const events = async () =>
    (await client.list(Event)).items.map(({ involvedObject, reason, message }) =>
      [involvedObject?.kind, involvedObject?.name, reason, message].join(' '),
    );
  return { ...{ clock, client, watched, start, open, becomes, events }, end: () => ending.abort() };
}

test('opens what is exposed when it starts, follows it, and closes it with the Service', async () => {
  const w = world();
  const { synced, stopped } = w.start();
  await synced;
  assert.deepEqual(w.open(), [API, HEARTBEATS, WEB].sort(byPort));
  w.client.seed(service('other', exposed(30_081)));
  await w.becomes([API, HEARTBEATS, WEB, WEB.replace('30080', '30081').replace('web', 'other')].sort(byPort));
  w.client.seed(service('web', { ...exposed(30_080), annotations: { 'postern.dev/firewall': 'none' } }));
  w.client.remove(Service, { namespace: 'n', name: 'other' });
  await w.becomes([API, HEARTBEATS].sort(byPort));
  assert.deepEqual(w.watched.calls.slice(0, 2), ['load 3', 'change +1 -0']);
  w.end();
  await stopped;
  // As it was: whoever restarts the program must not close what is in use.
  assert.deepEqual(w.open(), [API, HEARTBEATS].sort(byPort));
});

const portOf = (line: string) => Number(line.split(' ')[2]);
const byPort = (a: string, b: string) => portOf(a) - portOf(b);

test('a change of one Service tells the firewall of that alone', async () => {
  const w = world();
  for (let i = 0; i < 50; i++) w.client.seed(service(`more-${i}`, exposed(31_000 + i)));
  await w.start().synced;
  w.client.seed(service('more-7', exposed(31_999)));
  await eventually(() => w.watched.calls.length === 2);
  assert.deepEqual(w.watched.calls, ['load 53', 'change +1 -1']);
  // Labels of Services, endpoints and conditions of nodes are nothing to a firewall.
  w.client.seed(service('more-7', exposed(31_999, { labels: { app: 'web' } })));
  await settle();
  assert.equal(w.watched.calls.length, 2);
  w.end();
});

test('nodes that join and leave are let in and shut out', async () => {
  const w = world({ heartbeatPort: undefined });
  await w.start().synced;
  w.client.seed(node('c', ['192.0.2.3']));
  await w.becomes([API.replace('192.0.2.2/32', '192.0.2.2/32 192.0.2.3/32'), WEB]);
  w.client.seed(node('b', []));
  await w.becomes([API.replace('192.0.2.2', '192.0.2.3'), WEB]);
  w.end();
});

test('labels of this node decide about Services that are for some nodes only', async () => {
  const w = world({ heartbeatPort: undefined });
  w.client.seed(service('web', exposed(30_080, { annotations: { 'postern.dev/firewall-nodes': 'edge' } })));
  await w.start().synced;
  assert.deepEqual(w.open(), [API]);
  w.client.seed(node('a', ['192.0.2.1'], { edge: '' }));
  await w.becomes([API, WEB]);
  w.client.seed(node('a', ['192.0.2.1'], {}));
  await w.becomes([API]);
  w.end();
});

test('what a run that was killed left is put right, and closed only once everything is known', async () => {
  const watched = new Watched();
  const stale: Opening = {
    ...{ owner: 'n/gone', kind: 'node-port', family: 'IPv4', address: '192.0.2.1', protocol: 'tcp', port: 30_099 },
    policy: 'managed',
  };
  await watched.open().load([stale]);
  watched.calls.length = 0;
  const w = world({}, watched);
  w.client.failWith((verb, kind) => (verb === 'list' && kind === 'Node' ? new Error('not yet') : undefined));
  const { synced } = w.start();
  await settle();
  assert.deepEqual(watched.calls, []);
  w.client.failWith(undefined);
  // More than the informer waits.
  await w.clock.advance(10_000);
  await synced;
  assert.deepEqual(watched.calls, ['load 3']);
  assert.equal(
    w.open().some((line) => line.includes('30099')),
    false,
  );
  w.end();
});

test('what others take away is put back', async () => {
  const w = world();
  await w.start().synced;
  const before = w.open();
  w.watched.lose();
  assert.deepEqual(w.open(), []);
  await w.becomes(before);
  w.end();
});

test('a firewall that refuses is told again, ever more seldom, and those who wait for it are told why', async () => {
  const w = world();
  await w.start().synced;
  w.watched.rules.broken = 'firewalld is not running';
  w.client.seed(service('other', exposed(30_081)));
  await settle();
  // The pauses are up to a fifth longer than their 0.2, 0.4, ... 25.6 seconds.
  for (let second = 0; second < 90; second++) {
    if (second === 30) w.client.seed(service('late', exposed(30_082)));
    await w.clock.advance(1000);
    await settle(3);
  }
  const tries = w.watched.calls.filter((call) => call.startsWith('load')).length;
  assert(tries > 4 && tries < 12, `${tries} tries`);
  const why =
    'FirewallRefused the firewall (nftables) of node "a" cannot be changed, trying again: firewalld is not running';
  assert.deepEqual((await w.events()).sort(), [`Node a ${why}`, `Service late ${why}`, `Service other ${why}`]);
  w.watched.rules.broken = undefined;
  for (let second = 0; second < 40; second++) {
    await w.clock.advance(1000);
    await settle(3);
  }
  assert.equal(w.open().length, 5);
  w.end();
});

test('a port that is blocked although it was opened is told to its Service, with what blocks it', async () => {
  const w = world({ heartbeatPort: undefined });
  w.watched.verdict = { kind: 'blocked', by: 'rule 3 of chain input of table inet site' };
  await w.start().synced;
  await settle();
  assert.deepEqual(await w.events(), []);
  await w.clock.advance(1000);
  await settle();
  assert.deepEqual(await w.events(), [
    'Service web FirewallBlocked TCP 192.0.2.1:30080 is exposed, and blocked on node "a" by rule 3 of chain input of table inet site',
  ]);
  await w.clock.advance(60_000);
  await settle();
  assert.equal(w.watched.calls.filter((call) => call.startsWith('verdicts')).length, 1);
  w.end();
});

test('what another node cannot reach is looked at again: its administrator may have changed rules since', async () => {
  const w = world({ heartbeatPort: undefined });
  const port = { port: 80, nodePort: 30_080 };
  const ports = [
    { ...port, name: 'tcp' },
    { ...port, name: 'udp', protocol: 'UDP' as const },
  ];
  w.client.seed(service('web', exposed(30_080, { ports })));
  await w.start().synced;
  await w.clock.advance(1000);
  await settle();
  assert.deepEqual(await w.events(), []);
  w.watched.verdict = { kind: 'blocked', by: 'rule 7 of chain input of table inet site' };
  const blocked = { owner: 'n/web', address: '192.0.2.1', port: 30_080, why: 'nothing answers' };
  const says = (at: number, target = 'a') => {
    const summary = printSummary(new Map([[target, { ports: [30_080], at, blocked: [blocked] }]]));
    const other = node('b', ['192.0.2.2']);
    w.client.seed({ ...other, metadata: { ...other.metadata, annotations: { [TRIES_ANNOTATION]: summary } } });
    return settle();
  };
  await says(1, 'c');
  assert.deepEqual(await w.events(), []);
  await says(2);
  assert.deepEqual(await w.events(), [
    'Service web FirewallBlocked TCP 192.0.2.1:30080 is exposed, and blocked on node "a" by rule 7 of chain input of table inet site',
  ]);
  // The same again is no news.
  const looks = w.watched.calls.length;
  await says(3);
  assert.equal(w.watched.calls.length, looks);
  w.end();
});

test('an annotation that cannot be read is told', async () => {
  const w = world();
  w.client.seed(service('web', exposed(30_080, { annotations: { 'postern.dev/firewall': 'off' } })));
  await w.start().synced;
  await settle();
  assert.match((await w.events()).join(), /^Service web FirewallMistake annotation postern.dev\/firewall is "off"/);
  w.end();
});

test('what an earlier run left in another firewall is removed, also when one of them fails', async () => {
  const removed: string[] = [];
  const w = world({
    retired: [
      { name: 'iptables', remove: () => Promise.reject(new Error('no iptables')) },
      { name: 'firewalld', remove: async () => void removed.push('firewalld') },
    ],
  });
  await w.start().synced;
  assert.deepEqual(removed, ['firewalld']);
  w.end();
});

const withPods = (name: string, ip: string, podCIDR: string) => ({
  ...node(name, [ip]),
  spec: { podCIDRs: [podCIDR] },
});

test('what the node carries for pods is let by, from pods and other nodes, as these come and go', async () => {
  const w = world({ podBridge: 'postern0' });
  await w.start().synced;
  assert.equal(w.watched.rules.pods, undefined);
  w.client.seed(withPods('a', '192.0.2.1', '10.244.0.0/24'));
  w.client.seed(withPods('b', '192.0.2.2', '10.244.1.0/24'));
  const pods = ['10.244.0.0/24', '10.244.1.0/24'];
  await eventually(() => {
    assert.deepEqual(w.watched.rules.pods, { bridge: 'postern0', pods, peers: [...pods, '192.0.2.2/32'] });
    return true;
  });
  w.client.remove(Node, { name: 'b' });
  await eventually(() => w.watched.rules.pods?.peers.length === 1);
  w.end();
});

test('what keeps pods from others is told to the node, once', async () => {
  for (const [passage, verdict, told] of [
    [{ kind: 'left', why: 'reload it' }, { kind: 'blocked', by: 'policy drop' }, 'reload it'],
    [{ kind: 'done' }, { kind: 'blocked', by: 'policy drop' }, 'they are blocked by policy drop'],
    [{ kind: 'done' }, { kind: 'open-by-us' }, undefined],
  ] as const) {
    const memory = memoryFirewall();
    const backend = { ...memory, letPods: async () => passage, podVerdict: async () => verdict };
    const w = world({ podBridge: 'postern0', backend });
    w.client.seed(withPods('a', '192.0.2.1', '10.244.0.0/24'));
    await w.start().synced;
    await w.clock.advance(1000);
    await settle();
    w.client.seed(withPods('b', '192.0.2.2', '10.244.1.0/24'));
    await settle();
    await w.clock.advance(1000);
    await settle();
    const left = `Node a FirewallLeft the firewall (nftables) of node "a" may keep its pods from others: ${told}`;
    assert.deepEqual(
      (await w.events()).filter((text) => text.startsWith('Node')),
      told === undefined ? [] : [left],
    );
    w.end();
  }
});
