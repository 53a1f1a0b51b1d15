import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attribute, message, nested, readMessages, uint8, uint16, uint32 } from '../../host/netlink-message.ts';
import { type IPFamily, ipBytes, mustParseIP } from '../../lib/ip.ts';
import { randomBelow, seededRandom } from '../../lib/random.ts';
import type { Tuple } from './conntrack.ts';
import { decodeFlow, encodeDelete, encodeDump } from './messages.ts';
import { flowTo, PLACES } from './testing.ts';

const { service, other, endpoint } = PLACES.IPv6;
const flow = flowTo('IPv6', 'udp', { daddr: service, dport: 53 }, { sport: 4001, endpoint, port: 5353 });

/** A flow as the kernel tells it, written out by hand. */
function told(parts: { readonly zone?: number; readonly protocol?: number } = {}): Uint8Array {
  const tuple = (type: number, { saddr, sport, daddr, dport }: Tuple) =>
    nested(type, [
      nested(1, [attribute(3, ipBytes(mustParseIP(saddr))), attribute(4, ipBytes(mustParseIP(daddr)))]),
      nested(2, [attribute(1, uint8(parts.protocol ?? 17)), attribute(2, uint16(sport)), attribute(3, uint16(dport))]),
    ]);
  return message(0x100, 2, [
    Uint8Array.of(10, 0, 0, 0),
    tuple(1, flow.original),
    tuple(2, flow.reply),
    attribute(3, uint32(0x1_8a)), // CTA_STATUS, which nobody asks for
    attribute(12, uint32(0xfedc_ba98)),
    ...(parts.zone === undefined ? [] : [attribute(18, uint16(parts.zone))]),
  ]);
}

const decode = (bytes: Uint8Array) => [...readMessages(bytes)].map(decodeFlow);

test('reads a flow as the kernel tells it', () => {
  assert.deepEqual(decode(told()), [{ ...flow, zone: 0, id: 0xfedc_ba98 }]);
  assert.deepEqual(decode(told({ zone: 513 })), [{ ...flow, zone: 513, id: 0xfedc_ba98 }]);
});

test('leaves out what has no ports, and what is no flow', () => {
  assert.deepEqual(decode(told({ protocol: 58 })), [undefined]);
  assert.deepEqual(decode(message(0x102, 2, [Uint8Array.of(10, 0, 0, 0)])), [undefined]);
  assert.deepEqual(decode(message(0x100, 2, [])), [undefined]);
});

test('reads any bytes to their end', () => {
  const random = seededRandom(1);
  for (let i = 0; i < 2000; i++) {
    const bytes = Uint8Array.from([...told(), ...told({ zone: 1 })]);
    for (let j = 0; j < 6; j++) bytes[randomBelow(random, bytes.length)] = randomBelow(random, 256);
    decode(bytes.subarray(0, bytes.length - randomBelow(random, 9)));
  }
});

test('asks to delete a flow by the ends that it is told with, its zone and its identity', () => {
  const bytes = encodeDelete({ ...flow, zone: 513, id: 0xfedc_ba98 });
  const [request] = readMessages(bytes);
  assert.equal(request?.type, 0x102);
  const asked = Buffer.from(bytes).toString('hex');
  for (const { saddr, daddr } of [flow.original]) {
    for (const ip of [saddr, daddr]) assert(asked.includes(Buffer.from(ipBytes(mustParseIP(ip))).toString('hex')));
  }
  assert(asked.endsWith('06001200020100000800' + '0c00fedcba98'));
});

test('never asks the kernel for one IPv6 address: it would tell all the others', () => {
  const filters = (family: IPFamily, daddr: string) =>
    Buffer.from(encodeDump({ family, protocol: 'udp', daddr, dport: 53 }));
  assert.deepEqual(filters('IPv6', service), filters('IPv6', other));
  assert.notDeepEqual(filters('IPv4', '10.96.0.53'), filters('IPv4', '10.96.0.54'));
});
