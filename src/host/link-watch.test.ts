import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinkTable } from './link-table.ts';
import type { LinkChange } from './link-watch.ts';
import { attribute, message, nested, readMessages } from './netlink-message.ts';
import { RTM_DELLINK, RTM_NEWADDR, RTM_NEWLINK } from './rtnetlink.ts';
import { inNamespace, skipUnless } from './testing/in-namespace.ts';

test('the kernel tells of every change of interfaces and addresses', { skip: skipUnless(['true']) }, () => {
  const seen = inNamespace(new URL('link-watch.fixture.ts', import.meta.url));
  const MAC = '02:00:00:00:00:01';
  const CHANGED = '02:00:00:00:00:07';
  const told = JSON.parse(seen).seen.map((text: string) => text.replace(/^\S+ (macvlan|bridge) down$/, '$1'));
  assert.deepEqual(told, [
    `${MAC} veth down 192.0.2.1`,
    `${MAC} veth up 192.0.2.1`,
    `${MAC} veth carrier 192.0.2.1`,
    `${MAC} veth carrier 192.0.2.1 2001:db8::1`,
    // The same address with another prefix came and went.
    `${MAC} veth carrier 192.0.2.1 192.0.2.9 2001:db8::1`,
    `${MAC} veth carrier 2001:db8::1`,
    `${CHANGED} veth carrier 2001:db8::1`,
    `${CHANGED} veth carrier port 2001:db8::1`,
    'bridge',
    // A port that leaves its bridge is still there.
    `${CHANGED} veth carrier 2001:db8::1`,
    `${CHANGED} veth down`,
    'gone',
    'macvlan',
    'gone',
    'gone',
    'bridge',
    '300',
  ]);
});

/** RTM_NEWLINK and the like of an Ethernet interface that is up, with a carrier. */
function link(type: number, name: string, family = 0, event = 0) {
  const header = new DataView(new ArrayBuffer(16));
  header.setUint8(0, family);
  header.setUint16(2, 1, true);
  header.setInt32(4, 5, true);
  header.setUint32(8, 0x1 | 0x10000, true);
  const parts = [
    attribute(3, Buffer.from(`${name}\0`)),
    attribute(1, Uint8Array.of(2, 0, 0, 0, 0, 1)),
    nested(18, [attribute(1, Buffer.from('bond\0'))]),
    attribute(44, Uint8Array.of(event, 0, 0, 0)),
  ];
  const [read] = readMessages(message(type, 0, [new Uint8Array(header.buffer), ...parts]));
  assert.ok(read);
  return read;
}

const brief = (changes: readonly LinkChange[]) =>
  changes.map(({ name, link, announce }) => [name, link === undefined ? 'gone' : (link.kind ?? ''), announce]);

test('a bond that fails over is told of although nothing else has changed', () => {
  const table = new LinkTable();
  assert.deepEqual(brief(table.apply(link(RTM_NEWLINK, 'bond0'))), [['bond0', 'bond', false]]);
  assert.deepEqual(brief(table.apply(link(RTM_NEWLINK, 'bond0'))), []);
  assert.deepEqual(brief(table.apply(link(RTM_NEWLINK, 'bond0', 0, 3))), [['bond0', 'bond', true]]);
});

test('a new name is another interface that comes and one that goes', () => {
  const table = new LinkTable();
  table.apply(link(RTM_NEWLINK, 'eth0'));
  assert.deepEqual(brief(table.apply(link(RTM_NEWLINK, 'lan0'))), [
    ['eth0', 'gone', false],
    ['lan0', 'bond', false],
  ]);
});

test('what a bridge says of its port is not about the interface', () => {
  const table = new LinkTable();
  table.apply(link(RTM_NEWLINK, 'eth0'));
  assert.deepEqual(table.apply(link(RTM_DELLINK, 'eth0', 7)), []);
  assert.ok(table.links.has('eth0'));
});

test('a message that is cut short changes nothing', () => {
  const table = new LinkTable();
  for (const type of [RTM_NEWLINK, RTM_NEWADDR]) {
    for (let length = 0; length < 16; length++) {
      assert.deepEqual(table.apply({ type, flags: 0, payload: new Uint8Array(length) }), []);
    }
  }
});
