import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AnnouncedStatus, LanStatus, PeerState, PeerStatus } from '../../l2/lan/messages.ts';
import { DEFAULT_HEARTBEATS } from '../../l2/settings.ts';
import { milliseconds } from '../../lib/duration.ts';
import { problemsOf } from './problems.ts';
import { type L2Report, reportOf } from './report.ts';
import { reportsText } from './text.ts';

const NOW = 1_000_000;

const announced = (address: string, fields: Partial<AnnouncedStatus> = {}): AnnouncedStatus => ({
  ...{ address, protocol: address.includes(':') ? 'NDP' : 'ARP', interfaces: ['eth0'] },
  ...{ services: ['shop/web'], since: NOW - 303_000, ...fields },
});

const peer = (name: string, state: PeerState = 'heard', fields: Partial<PeerStatus> = {}): PeerStatus => ({
  ...{ name, state, since: NOW - 12_000, roundTrip: state === 'heard' ? 0.31234 : undefined, ...fields },
});

function report(node: string, fields: Partial<LanStatus> = {}, heartbeats = DEFAULT_HEARTBEATS): L2Report {
  const { announcing = [] } = fields;
  const elected = Object.fromEntries(announcing.map(({ address }) => [address, node]));
  const nothing = { conflicts: [], peers: [], silent: undefined, counts: {} };
  return reportOf({ node, heartbeats }, NOW, { ...nothing, announcing, elected, ...fields });
}

test('addresses are in their order, with the node, and how the nodes see each other', () => {
  const one = report('node1', {
    announcing: [
      announced('fd00:77::200'),
      announced('192.168.77.200'),
      announced('192.168.77.30', { services: ['a/b', 'c/d'] }),
    ],
    peers: [peer('node3', 'leaving'), peer('node2')],
  });
  assert.equal(
    reportsText([one], { wide: false }),
    `
ADDRESS         NODE   PROTOCOL  INTERFACES  FOR   SERVICES
192.168.77.30   node1  ARP       eth0        5m3s  a/b, c/d
192.168.77.200  node1  ARP       eth0        5m3s  shop/web
fd00:77::200    node1  NDP       eth0        5m3s  shop/web

NODE   PEER   STATE    FOR  ROUND TRIP
node1  node2  heard    12s  0.312ms
node1  node3  leaving  12s  -

Nothing is wrong that can be seen from here.`.trim(),
  );
});

test('wide shows what other nodes announce, and what was counted', () => {
  const elected = { '192.168.77.200': 'node1', '192.168.77.9': 'node2' };
  const one = report('node1', {
    announcing: [announced('192.168.77.200', { answered: 9, told: 8 })],
    elected,
    counts: { elections: 2, 'ARP reply': 9 },
  });
  assert.equal(
    reportsText([one], { wide: true }),
    `
ADDRESS         NODE   PROTOCOL  INTERFACES  FOR   ANSWERED  TOLD  SERVICES
192.168.77.9    node2  -         -           -     -         -     -
192.168.77.200  node1  ARP       eth0        5m3s  9         8     shop/web

COUNTED SINCE THE START  node1
ARP reply                9
elections                2

Nothing is wrong that can be seen from here.`.trim(),
  );
});

test('a node that announces nothing says so, and where to see what others do', () => {
  const elected = { '192.168.77.9': 'node2' };
  assert.match(
    reportsText([report('node1', { elected })], { wide: false }),
    /^node1 announces no address; other nodes 1: -o wide\n/,
  );
  assert.match(reportsText([report('node1')], { wide: false }), /^node1 announces no address\n/);
});

for (const [what, reports, says] of [
  ['a silent node', [report('node1', { silent: 'it hears nobody' })], ['node1 announces nothing: it hears nobody']],
  [
    'a stranger that holds an address',
    [
      report('node1', {
        announcing: [announced('192.168.77.9', { interfaces: [] })],
        conflicts: [{ address: '192.168.77.9', interface: 'eth0', mac: '02:00:00:00:00:99', since: NOW - 9000 }],
      }),
    ],
    ['192.168.77.9: held by 02:00:00:00:00:99 on eth0 of node1, and not announced until that host lets go'],
  ],
  [
    'an interface that is not there',
    [report('node1', { announcing: [announced('192.168.77.9', { interfaces: [] })] })],
    ['192.168.77.9: announced by node1 on no interface: none that it may use is there and up'],
  ],
  [
    'an address that nobody may announce, told once',
    ['node1', 'node2'].map((node) => report(node, { elected: { '192.168.77.9': undefined } })),
    ['192.168.77.9: no node that lives may announce it; `postern why service NAME` says what keeps each'],
  ],
  [
    'two announcers',
    ['node1', 'node2'].map((node) => report(node, { announcing: [announced('fd00:77::9')] })),
    ['fd00:77::9: announced by node1 and node2 at once'],
  ],
  [
    'an announcer that does not know that it is one',
    [report('node1', { elected: { '192.168.77.9': 'node2' } }), report('node2')],
    ['192.168.77.9: falls to node2 as node1 sees it, and node2 does not announce it'],
  ],
  ['a lost node', [report('node1', { peers: [peer('node2', 'lost')] })], ['node1 has lost node2 (for 12s)']],
  [
    'heartbeats that do not arrive',
    [report('node1', { peers: [peer('node2', 'leased')] })],
    ['node1 knows node2 by lease alone: is UDP port 7952 open between them?'],
  ],
] as const) {
  test(`${what} is told`, () => assert.deepEqual(problemsOf(reports), says));
}

test('what is as it should be is no problem', () => {
  const asked = announced('192.168.77.9', { interfaces: [], since: NOW - 200 });
  assert.deepEqual(problemsOf([report('node1', { announcing: [asked] })]), [], 'the LAN is being asked');
  const without = { ...DEFAULT_HEARTBEATS, interval: milliseconds(0) };
  assert.deepEqual(problemsOf([report('node1', { peers: [peer('node2', 'leased')] }, without)]), []);
  assert.deepEqual(problemsOf([report('node1', { peers: [peer('node2', 'told'), peer('node3', 'absent')] })]), []);
  const elected = { '192.168.77.9': 'node2' };
  assert.deepEqual(
    problemsOf([report('node1', { elected }), report('node2', { silent: 'it is about to stop' })]).length,
    1,
  );
  assert.deepEqual(problemsOf([report('node1', { elected })]), [], 'node2 was not asked');
});

test('that nobody announces an address is not said by a silent node, nor while another announces it', () => {
  const elected = { '192.168.77.9': undefined };
  const silent = report('node1', { elected, silent: 'it hears nobody' });
  assert.deepEqual(problemsOf([silent]), ['node1 announces nothing: it hears nobody']);
  const announcer = report('node2', { announcing: [announced('192.168.77.9')] });
  assert.deepEqual(problemsOf([report('node1', { elected }), announcer]), []);
});

test('ten thousand addresses with one trouble are one sentence', () => {
  const all = Array.from({ length: 10_000 }, (_, i) => `10.9.${i >> 8}.${i & 255}`);
  const elected = Object.fromEntries(all.map((address) => [address, 'node2']));
  const others = [report('node2', { announcing: all.slice(1).map((address) => announced(address)) })];
  assert.equal(problemsOf([report('node1', { elected }), ...others]).length, 1);
  const nobody = Object.fromEntries(all.map((address) => [address, undefined]));
  assert.match(problemsOf([report('node1', { elected: nobody })]).join(), /^10\.9\.0\.0, .* and 9990 others: no node/);
});

test('a report survives the journey as JSON', () => {
  const one = report('node1', {
    elected: { '192.168.77.9': undefined, '192.168.77.8': 'node1' },
    peers: [peer('n', 'lost')],
  });
  const { peers, nobody } = JSON.parse(JSON.stringify(one)) as L2Report;
  assert.deepEqual([peers[0]?.name, nobody], ['n', ['192.168.77.9']]);
});
