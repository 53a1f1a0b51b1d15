import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import { paced } from '../../host/paced.ts';
import { mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import { Claims } from './claims.ts';
import { desiredPath, NO_PATH, type Path, type Place, podPrefixes, type Route } from './desired.ts';
import { countsOf, diffWays, isChange, unmadePaths, waysOf } from './diff.ts';
import { News } from './news.ts';
import { onLinkOf } from './on-link.ts';

function node(podCIDRs: readonly string[], addresses: readonly string[], name = 'n', since?: string): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, ...(since === undefined ? {} : { creationTimestamp: since }) },
    spec: { podCIDRs },
    status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
  };
}

const place = (given: Partial<Place> = {}): Place => ({
  mode: 'auto',
  addresses: ['192.168.1.1', 'fd00::1'].map(mustParseIP),
  primary: 'IPv4',
  onLink: ['192.168.1.0/24', 'fd00::/64'].map(mustParseCIDR),
  ...given,
});

const pathTo = (to: Node, from: Place = place()) => desiredPath(to, podPrefixes(to), from);
const shown = (to: Node, from?: Place) =>
  pathTo(to, from).routes.map(({ destination, via, device = 'lan' }) => `${destination} ${via} ${device}`);

const PODS = ['10.244.2.0/24', 'fd00:10:244:2::/64'];

test('pods of a node on the link are reached through its address of the same family', () => {
  assert.deepEqual(shown(node(PODS, ['fd00::2', '192.168.1.2'])), [
    '10.244.2.0/24 192.168.1.2 lan',
    'fd00:10:244:2::/64 fd00::2 lan',
  ]);
});

test('pods of a node on another link are reached within packets of the primary family', () => {
  const far = node(PODS, ['192.168.2.2', 'fd00:2::2']);
  const { tunnel } = pathTo(far);
  assert.deepEqual(shown(far), [
    '10.244.2.0/24 10.244.2.1 postern-vxlan',
    `fd00:10:244:2::/64 ${tunnel?.neighbours[1]} postern-vxlan`,
  ]);
  assert.match(tunnel?.neighbours[1] ?? '', /^fe80::/);
  assert.equal(tunnel?.address, '192.168.2.2');
  assert.deepEqual(tunnel?.prefixes, PODS);
  assert.deepEqual(
    new Set(shown(far, place({ primary: 'IPv6' })).map((line) => line.split(' ')[2])),
    new Set(['postern-vxlan6']),
  );
});

test('both ends of a way choose one family, whichever addresses they have', () => {
  const ends = [['192.168.1.1'], ['fd00::1'], ['192.168.1.1', 'fd00::1']];
  for (const primary of ['IPv4', 'IPv6'] as const) {
    for (const ours of ends) {
      for (const theirs of ends) {
        const there = pathTo(node(PODS, theirs), place({ mode: 'vxlan', primary, addresses: ours.map(mustParseIP) }));
        const back = pathTo(node(PODS, ours), place({ mode: 'vxlan', primary, addresses: theirs.map(mustParseIP) }));
        assert.equal(there.tunnel?.device, back.tunnel?.device, `${ours} ${theirs} ${primary}`);
      }
    }
  }
});

test('a family that a node has no address of goes within the other; without one in common there is no way', () => {
  assert.deepEqual(
    shown(node(PODS, ['192.168.1.2'])).map((line) => line.replace(/ fe80\S+/, ' ll')),
    ['10.244.2.0/24 192.168.1.2 lan', 'fd00:10:244:2::/64 ll postern-vxlan'],
  );
  assert.deepEqual(pathTo(node(PODS, ['fd00:2::2']), place({ addresses: [mustParseIP('192.168.1.1')] })), NO_PATH);
});

test('the mode direct leaves what is not on the link to the routers, vxlan sends nothing without', () => {
  const near = node(PODS, ['192.168.1.2', 'fd00::2']);
  const far = node(PODS, ['192.168.2.2', 'fd00::3']);
  assert.deepEqual(shown(far, place({ mode: 'direct' })), ['fd00:10:244:2::/64 fd00::3 lan']);
  assert.ok(pathTo(near, place({ mode: 'vxlan' })).routes.every(({ device }) => device === 'postern-vxlan'));
});

test('what is on the link is what routes without a router lead to', () => {
  const listed = [
    { dst: 'default', gateway: '192.168.1.254' },
    { dst: '192.168.1.0/24' },
    { dst: '192.168.9.9' },
    { dst: '10.0.0.0/8', gateway: '192.168.1.254' },
    { dst: '10.244.9.0/24', via: { family: 'inet6', host: 'fe80::1' } },
  ];
  assert.deepEqual(onLinkOf(listed, 'IPv4'), ['192.168.1.0/24', '192.168.9.9/32'].map(mustParseCIDR));
  assert.deepEqual(onLinkOf([{ dst: 'fe80::/64' }, { dst: 'fd00::/64' }], 'IPv6'), [mustParseCIDR('fd00::/64')]);
});

test('only what changed is changed, and a node that moves to another link is reached within packets', async () => {
  const near = pathTo(node(PODS, ['192.168.1.2', 'fd00::2']));
  const far = pathTo(node(PODS, ['192.168.2.2', 'fd00:2::2']));
  const diff = (from: readonly Path[], to: readonly Path[]) => diffWays(waysOf(from), waysOf(to), paced());
  assert.equal(isChange(await diff([near], [near])), false);
  const changes = await diff([near], [far]);
  assert.deepEqual(changes.routes, { replace: far.routes, remove: [] });
  assert.deepEqual(countsOf(changes), { replaced: 5, removed: 0 });
  // What a node had is removed as it was: what came in its place stays.
  assert.deepEqual((await diff([far], [near])).neighbours.remove.length, 2);
  assert.deepEqual((await diff([near], [])).routes.remove, near.routes);
});

test('paths that the kernel has only a part of are told', async () => {
  const far = pathTo(node(PODS, ['192.168.2.2']));
  const paths = new Map([['far', far]]);
  assert.deepEqual([...(await unmadePaths(paths, waysOf([far]), paced()))], []);
  assert.deepEqual([...(await unmadePaths(paths, { ...waysOf([far]), forwarding: [] }, paced()))], ['far']);
});

/** Counts what is read of routes, and how much of that at most between two chances for others to have their turn. */
function watched(count: number) {
  let reads = 0;
  let before = 0;
  let most = 0;
  const route = (i: number): Route => ({
    get destination() {
      reads++;
      return `10.${i >> 8}.${i & 255}.0/24`;
    },
    via: '192.168.1.2',
  });
  const pace = () => {
    most = Math.max(most, reads - before);
    before = reads;
    return undefined;
  };
  const routes = Array.from({ length: count }, (_, i) => route(i));
  return { routes, pace, result: () => ({ reads, most: Math.max(most, reads - before) }) };
}

test('of many routes no two are compared without a chance for others to have their turn', async () => {
  for (const count of [10, 1000]) {
    const { routes, pace, result } = watched(count);
    const half = { ...waysOf([]), routes: routes.slice(count / 2) };
    const changes = await diffWays(half, { ...waysOf([]), routes }, pace);
    assert.equal(changes.routes.replace.length, count / 2);
    assert.deepEqual(result(), { reads: 3 * count, most: 1 });
    const paths = new Map(routes.map((route, i) => [`n${i}`, { routes: [route] }]));
    assert.equal((await unmadePaths(paths, half, pace)).size, count / 2);
    assert.equal(result().most, 1);
  }
});

test('news of many nodes is looked at one by one, and what comes meanwhile, too', async () => {
  const news = new News();
  for (let i = 0; i < 1000; i++) for (const name of [`n${i}`, `n${i}`]) news.add(name);
  const looked: string[] = [];
  const turns: number[] = [];
  const pace = () => {
    turns.push(looked.length);
    return undefined;
  };
  await news.each((name) => {
    looked.push(name);
    if (name === 'n0') news.add('late');
  }, pace);
  assert.deepEqual([looked.length, new Set(looked).size, looked.at(-1)], [1001, 1001, 'late']);
  assert.deepEqual(
    turns,
    Array.from({ length: 1001 }, (_, i) => i + 1),
  );
  await news.each(() => assert.fail('each was looked at'), pace);
});

const OWN = [mustParseCIDR('10.244.1.0/24')];
const CLUSTER = ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR);

test('of two nodes with one prefix the older one has it, until it goes', () => {
  const claims = new Claims(OWN, CLUSTER);
  assert.deepEqual(claims.set('young', node(PODS, [], 'young', '2026-02-01T00:00:00Z')), []);
  assert.equal(claims.of('young').prefixes.length, 2);
  assert.deepEqual(claims.set('old', node(PODS, [], 'old', '2026-01-01T00:00:00Z')), ['young']);
  assert.match(claims.of('young').refused[0]?.why ?? '', /of the pods of node old/);
  assert.deepEqual(claims.of('old').refused, []);
  assert.deepEqual(claims.set('old', undefined), ['young']);
  assert.equal(claims.of('young').prefixes.length, 2);
});

test('a node has no prefix of this node’s own pods, and none outside of the cluster’s', () => {
  const claims = new Claims(OWN, CLUSTER);
  claims.set('n', node(['10.244.0.0/16', '0.0.0.0/0', 'fd00:10:244:2::/64'], []));
  const { prefixes, refused } = claims.of('n');
  assert.deepEqual(prefixes, [mustParseCIDR('fd00:10:244:2::/64')]);
  assert.deepEqual(
    refused.map(({ prefix }) => prefix),
    ['10.244.0.0/16', '0.0.0.0/0'],
  );
  claims.set('m', node(['10.0.0.0/8'], []));
  assert.match(claims.of('m').refused[0]?.why ?? '', /own pods/);
  claims.set('m', node(['172.16.0.0/24'], []));
  assert.match(claims.of('m').refused[0]?.why ?? '', /--cluster-cidr/);
});
