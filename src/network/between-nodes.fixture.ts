/**
 * Pods of nodes on one LAN and on two, for `between-nodes.test.ts`, which runs this in namespaces of its own:
 * `node between-nodes.fixture.ts DIR FAMILIES`. Node 1 and node 2 share a LAN, node 3 is behind a router.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { IPFamily } from '../lib/ip.ts';
import { familyOf } from '../lib/ip.ts';
import { addressOn, inPlace, LANs, largestPacket, type TestNode, type TestPod } from './testing/lans.ts';
import { ip, type Question } from './testing/places.ts';
import { VXLAN_OVERHEAD } from './vxlan/vtep.ts';

const [, , dir = '', text = 'IPv4,IPv6', podText = text] = process.argv;
const families = text.split(',') as IPFamily[];
const podFamilies = podText.split(',') as IPFamily[];
/** Of the packets that carry others. */
const outer = families.includes(podFamilies[0] ?? 'IPv4') ? (podFamilies[0] ?? 'IPv4') : (families[0] ?? 'IPv4');
const DEVICE = outer === 'IPv4' ? 'postern-vxlan' : 'postern-vxlan6';
const LAN_MTU = 1500;
const WITHIN = LAN_MTU - VXLAN_OVERHEAD[outer];
/** Whether pods have a family that the LANs do not. */
const isMixed = podFamilies.some((family) => !families.includes(family));

const ROUTES = 'ip -4 route show proto 112; ip -6 route show proto 112';

let lans: LANs;
let nodes: readonly [TestNode, TestNode, TestNode];
let before3: TestPod;
let pods: readonly [TestPod, TestPod, TestPod];

const tcp = (host: string, port = 80, more: Partial<Question> = {}): Question => ({
  protocol: 'tcp',
  host,
  port,
  ...more,
});
const saw = (name: string, { addresses }: TestPod) => addresses.map((address) => `${name} saw ${address}`);
/** `from` asks each address of `to`. */
const ask = (from: TestPod, to: TestPod, more: Partial<Question> = {}) =>
  Promise.all(to.addresses.map((address) => from.speaker.ask(tcp(address, 80, more))));

/** Until it is so; what is then seen. */
async function until<T>(look: () => Promise<T>, isWanted: (seen: T) => boolean): Promise<T> {
  for (let i = 0; ; i++) {
    const seen = await look();
    if (isWanted(seen) || i === 100) return seen;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** What `from` is answered at each address of `to`, once all is answered by it. */
const askUntilReached = (from: TestPod, to: TestPod, name: string) =>
  until(
    () => ask(from, to),
    (seen) => seen.every((answer) => answer.startsWith(name)),
  );

before(async () => {
  lans = await LANs.make({ dir, families, podFamilies });
  const [one, two] = [await lans.addNode(1, 'a'), await lans.addNode(2, 'a')];
  before3 = await one.pod('early');
  nodes = [one, two, await lans.addNode(3, 'b')];
  pods = [await one.pod('p1'), await two.pod('p2'), await nodes[2].pod('p3')];
  // Each has heard of the others by then.
  for (const node of nodes) {
    await until(
      () => node.show('sh', '-c', ROUTES),
      (seen) => seen.split('\n').length === 2 * podFamilies.length,
    );
  }
});
after(() => lans.end());

test('pods reach each other with their own addresses, on one link and beyond', async () => {
  const [p1, p2, p3] = pods;
  assert.deepEqual(await ask(p1, p2), saw('p2', p1));
  assert.deepEqual(await ask(p1, p3), saw('p3', p1));
  assert.deepEqual(await ask(p3, p1), saw('p1', p3));
  assert.deepEqual(await ask(p2, p3), saw('p3', p2));
});

test('nodes on one link send each other nothing within packets, where the link has the family', async () => {
  const [one] = nodes;
  const routes = await one.show('sh', '-c', ROUTES);
  const within = routes.split('\n').filter((line) => line.includes(DEVICE));
  const direct = routes.split('\n').filter((line) => line.includes('dev lan'));
  const common = podFamilies.filter((family) => families.includes(family)).length;
  assert.deepEqual([within.length, direct.length], [2 * podFamilies.length - common, common]);
  const flooding = await one.show('bridge', 'fdb', 'show', 'dev', DEVICE);
  assert.doesNotMatch(flooding, /00:00:00:00:00:00/);
});

test('what nodes send themselves is answered, from both sides', async () => {
  const [one, , three] = nodes;
  const [p1, , p3] = pods;
  const self = await one.self();
  const gateways = podFamilies.map((family) => (family === 'IPv4' ? '10.244.1.1' : 'fd00:10:244:1::1'));
  const answers = await Promise.all(p3.addresses.map((address) => self.ask(tcp(address))));
  assert.deepEqual(
    answers,
    gateways.map((gateway) => `p3 saw ${gateway}`),
  );
  assert.deepEqual(await Promise.all(gateways.map((gateway) => p3.speaker.ask(tcp(gateway, 7000)))), saw('node1', p3));
  // To the node itself, pods are their node.
  await three.self();
  assert.deepEqual(
    await Promise.all(three.addresses.map((address) => p1.speaker.ask(tcp(address, 7000)))),
    podFamilies
      .filter((f) => families.includes(f))
      .map((family) => `node3 saw ${addressOn('a', family, 1)}`)
      .concat(families.filter((f) => !podFamilies.includes(f)).map(() => 'refused')),
  );
});

test('packets are as long as the way takes them, and no longer; who came before learns it', async () => {
  const [p1, p2, p3] = pods;
  assert.deepEqual([p1.mtu, p2.mtu, p3.mtu], [WITHIN, WITHIN, WITHIN]);
  const sizes = [LAN_MTU, WITHIN + 1, WITHIN, WITHIN - 1];
  for (const address of p3.addresses) assert.equal(await largestPacket(p1.namespace, address, sizes), WITHIN, address);
  for (const address of p1.addresses) assert.equal(await largestPacket(p3.namespace, address, sizes), WITHIN, address);
  assert.equal(before3.mtu, isMixed ? WITHIN : LAN_MTU);
  for (const address of p3.addresses) {
    assert.equal(await largestPacket(before3.namespace, address, sizes), WITHIN, `from before to ${address}`);
  }
});

test('many bytes get through in both directions, whenever the pod came', async () => {
  const bytes = 1_000_000;
  const [p1, p2, p3] = pods;
  for (const [from, to] of [
    [p1, p3],
    [p3, p1],
    [p1, p2],
    [before3, p3],
    [p3, before3],
  ] as const) {
    assert.deepEqual(
      await ask(from, to, { bulk: bytes }),
      to.addresses.map(() => String(bytes)),
    );
  }
});

test('an address of a Service leads to a pod behind a router, from pods and from elsewhere', async () => {
  const [one] = nodes;
  const [p1, , p3] = pods;
  const rules = podFamilies.map((family, i) => {
    const [word, virtual] = family === 'IPv4' ? ['ip', '10.96.0.1'] : ['ip6', 'fd00:10:96::1'];
    const to = p3.addresses[i] ?? '';
    return `table ${word} try {
      chain pre { type nat hook prerouting priority -100; ${word} daddr ${virtual} dnat to ${to}; }
      chain out { type nat hook output priority -100; ${word} daddr ${virtual} dnat to ${to}; }
      chain post { type nat hook postrouting priority 100; ct status dnat ${word} saddr != ${family === 'IPv4' ? '10.244.0.0/16' : 'fd00:10:244::/48'} masquerade; }
    }`;
  });
  await one.show('nft', rules.join('\n'));
  const self = await one.self();
  for (const [i, family] of podFamilies.entries()) {
    const [virtual, gateway] = family === 'IPv4' ? ['10.96.0.1', '10.244.1.1'] : ['fd00:10:96::1', 'fd00:10:244:1::1'];
    assert.equal(await p1.speaker.ask(tcp(virtual)), `p3 saw ${p1.addresses[i]}`);
    assert.equal(await before3.speaker.ask(tcp(virtual, 80, { bulk: 1_000_000 })), '1000000');
    // Who is outside needs a way to the node in that family.
    if (!families.includes(family)) continue;
    assert.equal(await self.ask(tcp(virtual)), `p3 saw ${gateway}`);
    await ip([`route replace ${virtual} via ${addressOn('a', family, 1)}`], lans.router);
    assert.match(
      await inPlace(
        lans.router,
        'curl',
        '-s',
        '-m',
        '2',
        '--http0.9',
        '-o',
        '-',
        `http://${family === 'IPv6' ? `[${virtual}]` : virtual}/`,
      ).catch((error) => String(error.stdout)),
      new RegExp(`p3 saw ${gateway}`),
    );
  }
  await one.show('nft', 'flush ruleset ip');
});

test('packets are believed from nodes alone, and only with addresses of their own pods', async () => {
  const [, two, three] = nodes;
  const [p1, p2] = pods;
  const dropped = async () =>
    Number(
      /packets (\d+)/.exec(await three.show('nft', 'list', 'chain', 'inet', 'postern-vxlan', 'encapsulated'))?.[1] ??
        -1,
    );
  const rules = await three.show('nft', '-a', 'list', 'chain', 'inet', 'postern-vxlan', 'encapsulated');
  const handle = /drop # handle (\d+)/.exec(rules)?.[1] ?? '';
  await three.show('nft', `replace rule inet postern-vxlan encapsulated handle ${handle} counter drop`);
  // Node 2 may send as its own pods, and not as those of node 1.
  const [target = ''] = pods[2].addresses;
  const family = familyOf(target) ?? 'IPv4';
  const stolen = p1.addresses[0] ?? '';
  assert.deepEqual(await ask(p2, pods[2]), saw('p3', p2));
  const before = await dropped();
  await ip(
    [`addr add ${stolen}/${family === 'IPv4' ? 32 : 128} dev lo${family === 'IPv6' ? ' nodad' : ''}`],
    two.namespace,
  );
  await two.show('ping', '-n', '-q', '-c', '1', '-W', '1', '-I', stolen, target).catch(() => '');
  await ip([`addr del ${stolen}/${family === 'IPv4' ? 32 : 128} dev lo`], two.namespace);
  assert.equal((await dropped()) > before, true, 'what node 2 sends as a pod of node 1 is dropped');
  // The router is no node, whatever it knows of devices.
  const sent = await dropped();
  const [local, remote] = [addressOn('b', outer, 254), addressOn('b', outer, 3)];
  await inPlace(
    lans.router,
    'ip',
    'link',
    'add',
    'evil',
    'type',
    'vxlan',
    'id',
    '7369588',
    'local',
    local,
    'remote',
    remote,
    'dstport',
    '4789',
  );
  await ip(
    [
      `addr add ${family === 'IPv4' ? '10.244.9.9/16' : 'fd00:10:244:9::9/48'} dev evil${family === 'IPv6' ? ' nodad' : ''}`,
      'link set evil up',
    ],
    lans.router,
  );
  await inPlace(lans.router, 'ping', '-n', '-q', '-c', '1', '-W', '1', '-I', 'evil', target).catch(() => '');
  await inPlace(lans.router, 'ip', 'link', 'del', 'evil');
  assert.equal((await dropped()) > sent, true, 'what the router sends is dropped');
  await three.order({ kind: 'stop' });
  await three.order({ kind: 'start' });
});

test('a pod cannot send such packets to a node', async () => {
  const [one, , three] = nodes;
  const [p1] = pods;
  const common = podFamilies.find((family) => families.includes(family));
  if (common === undefined) return;
  await three.show(
    'nft',
    'add table inet try; add chain inet try in { type filter hook input priority -500; }; add rule inet try in udp dport 4789 udp sport 55555 counter',
  );
  const to = three.addresses[families.indexOf(common)] ?? '';
  assert.equal(await p1.speaker.ask({ protocol: 'udp', host: to, port: 4789, from: 55_555 }), 'silence');
  const forwarded = await one.show('nft', 'list', 'table', 'inet', 'postern-vxlan');
  assert.match(
    forwarded,
    new RegExp(`iifname "postern0" udp dport 4789 ${common === 'IPv4' ? 'ip' : 'ip6'} daddr @peers`),
  );
  assert.match(await three.show('nft', 'list', 'table', 'inet', 'try'), /packets 0 /);
});

test('a node that moves to the other LAN is followed, and its pods keep their connections', async () => {
  const [, two, three] = nodes;
  const [p1, p2, p3] = pods;
  for (const address of p2.addresses)
    assert.match(await p1.speaker.ask(tcp(address, 80, { keep: `to ${address}` })), /p2 saw/);
  await lans.plug(two, 'b', 2);
  await lans.tell(two);
  assert.deepEqual(await askUntilReached(p1, p2, 'p2'), saw('p2', p1));
  assert.deepEqual(await askUntilReached(p3, p2, 'p2'), saw('p2', p3));
  for (const address of p2.addresses)
    assert.match(await p1.speaker.ask(tcp(address, 80, { keep: `to ${address}` })), /p2 saw/);
  const direct = await until(
    () => three.show('sh', '-c', ROUTES),
    (seen) => /:2::\/64 via 2001|10\.244\.2\.0\/24 via 198/.test(seen),
  );
  assert.match(direct, /(:2::\/64 via 2001:db8:b::2|10\.244\.2\.0\/24 via 198\.51\.100\.2) dev lan/);
});

test('a node with another address is followed, and nothing of the former is left', async () => {
  const [one, two] = nodes;
  const [p1, p2] = pods;
  await lans.plug(two, 'b', 77);
  await lans.tell(two);
  assert.deepEqual(await askUntilReached(p1, p2, 'p2'), saw('p2', p1));
  const known = await one.show('bridge', 'fdb', 'show', 'dev', DEVICE);
  assert.match(known, new RegExp(addressOn('b', outer, 77).replaceAll('.', '\\.')));
  assert.equal(known.split('\n').filter((line) => line.includes(' dst ')).length, 2);
  assert.doesNotMatch(known, new RegExp(`${addressOn('b', outer, 2).replaceAll('.', '\\.')} `));
});

test('after a restart everything is found again, also what changed meanwhile; nothing stale is left', async () => {
  const [one, two, three] = nodes;
  const [p1, , p3] = pods;
  await p1.speaker.ask(tcp(p3.addresses[0] ?? '', 80, { keep: 'kept' }));
  const index = async () => (await one.show('ip', '-o', 'link', 'show', 'dev', DEVICE)).split(':')[0];
  const was = await index();
  await one.order({ kind: 'stop' });
  assert.match(await p1.speaker.ask(tcp(p3.addresses[0] ?? '', 80, { keep: 'kept' })), /p3 saw/);
  await lans.tellGone(two);
  await one.order({ kind: 'start' });
  assert.equal(await index(), was);
  assert.match(await p1.speaker.ask(tcp(p3.addresses[0] ?? '', 80, { keep: 'kept' })), /p3 saw/);
  const left = await one.show(
    'sh',
    '-c',
    `bridge fdb show dev ${DEVICE}; ip neigh show dev ${DEVICE}; ip -4 route show proto 112; ip -6 route show proto 112`,
  );
  assert.doesNotMatch(left, /198\.51\.100\.77|2001:db8:b::77|10\.244\.2\.|:244:2:/);
  assert.equal(
    (await one.show('nft', 'list', 'table', 'inet', 'postern-vxlan')).includes(addressOn('b', outer, 3)),
    true,
  );
  assert.ok(three);
});

test('a link that goes down and comes up again gets its routes back', async () => {
  const [one] = nodes;
  const [p1, , p3] = pods;
  await ip(['link set lan down'], one.namespace);
  await ip(
    [
      ...(families.includes('IPv6') ? [`addr replace ${addressOn('a', 'IPv6', 1)}/64 dev lan nodad`] : []),
      'link set lan up',
      ...families.map(
        (family) => `route replace ${family === 'IPv4' ? '0.0.0.0/0' : '::/0'} via ${addressOn('a', family, 254)}`,
      ),
    ],
    one.namespace,
  );
  assert.deepEqual(await askUntilReached(p1, p3, 'p3'), saw('p3', p1));
});

test('an interface of that name that is somebody else’s is left alone', async () => {
  const [one] = nodes;
  const [p1, , p3] = pods;
  await one.order({ kind: 'stop' });
  await ip([`link del ${DEVICE}`, `link add ${DEVICE} type bridge`], one.namespace);
  await one.order({ kind: 'start' });
  assert.match(await one.show('ip', '-d', 'link', 'show', 'dev', DEVICE), /bridge/);
  // Gone: it is tried again, each time after a longer wait.
  await ip([`link del ${DEVICE}`], one.namespace);
  assert.deepEqual(await askUntilReached(p1, p3, 'p3'), saw('p3', p1));
});

test('the last node of another link takes the device with it, and clean-up everything', async () => {
  const [one, , three] = nodes;
  await lans.tellGone(three);
  const links = await until(
    () => one.show('ip', '-br', 'link', 'show'),
    (seen) => !seen.includes('vxlan'),
  );
  assert.doesNotMatch(links, /vxlan/);
  await three.order({ kind: 'clean-up' });
  const left = await three.show(
    'sh',
    '-c',
    'ip -br link; ip -4 route show proto 112; ip -6 route show proto 112; nft list ruleset',
  );
  assert.doesNotMatch(left, /postern|pst|via/);
});
