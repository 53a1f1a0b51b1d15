import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipBytes, mustParseIP } from '../../lib/ip.ts';
import { Refusals } from './refusals.ts';
import { parseUnreachable } from './unreachable.ts';

const ip = (text: string): readonly number[] => [...ipBytes(mustParseIP(text))];
const zeros = (count: number): readonly number[] => new Array<number>(count).fill(0);
const ipv4 = (protocol: number, from: string, to: string) => [
  0x45,
  ...zeros(8),
  protocol,
  0,
  0,
  ...ip(from),
  ...ip(to),
];
const ipv6 = (protocol: number, from: string, to: string) => [0x60, ...zeros(5), protocol, 64, ...ip(from), ...ip(to)];
const tcp = (port: number) => [0xab, 0xcd, port >> 8, port & 0xff, ...zeros(4)];
const icmp = (type: number, code: number) => [type, code, ...zeros(6)];

const prohibited4 = Uint8Array.from([
  ...zeros(14),
  ...ipv4(1, '192.0.2.254', '192.0.2.2'),
  ...icmp(3, 13),
  ...ipv4(6, '192.0.2.2', '192.0.2.1'),
  ...tcp(30_080),
]);
const prohibited6 = Uint8Array.from([
  ...zeros(14),
  ...ipv6(58, '2001:db8::fe', '2001:db8::2'),
  ...icmp(1, 1),
  ...ipv6(6, '2001:db8::2', '2001:db8::1'),
  ...tcp(30_080),
]);

test('who refuses a connection, and how, stands in the ICMP error', () => {
  assert.deepEqual(parseUnreachable(prohibited4, 'IPv4'), {
    ...{ by: '192.0.2.254', says: 'administratively prohibited (ICMP 3/13)', address: '192.0.2.1', port: 30_080 },
  });
  assert.deepEqual(parseUnreachable(prohibited6, 'IPv6'), {
    ...{ by: '2001:db8::fe', says: 'administratively prohibited (ICMPv6 1/1)', address: '2001:db8::1', port: 30_080 },
  });
});

test('frames that end too early, or are about something else, are passed over', () => {
  for (const [frame, family] of [
    [prohibited4, 'IPv4'],
    [prohibited6, 'IPv6'],
  ] as const) {
    for (let length = 0; length < frame.length - 4; length++) {
      assert.equal(parseUnreachable(frame.subarray(0, length), family), undefined, `${length} bytes`);
    }
  }
  const udp = prohibited4.map((byte, at) => (at === 14 + 20 + 8 + 9 ? 17 : byte));
  assert.equal(parseUnreachable(udp, 'IPv4'), undefined);
});

test('refusals are kept for whoever asks, and for no longer', () => {
  const refusals = new Refusals();
  refusals.hear(prohibited4, 'IPv4');
  const asked = refusals.ask('192.0.2.1', 30_080);
  const other = refusals.ask('192.0.2.1', 30_081);
  assert.equal(asked.heard(), undefined);
  refusals.hear(prohibited4, 'IPv4');
  assert.equal(asked.heard()?.by, '192.0.2.254');
  assert.equal(other.heard(), undefined);
  asked.end();
  assert.equal(refusals.ask('192.0.2.1', 30_080).heard(), undefined);
});
