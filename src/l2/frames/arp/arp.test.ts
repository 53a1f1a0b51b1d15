import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ipFromBytes, mustParseIP, printIP } from '../../../lib/ip.ts';
import { parseMAC } from '../../../lib/mac.ts';
import { testSeed } from '../../../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../../../lib/random.ts';
import { sameBytes } from '../ethernet.ts';
import type { Answerer } from '../protocol.ts';
import { arp } from './arp.ts';
import { decodeArp, encodeArp } from './packet.ts';

const ours = parseMAC('02:00:00:00:00:01') ?? new Uint8Array();
const announced = new Set(['192.168.77.100']);
const free = new Set(['192.168.77.150']);
const elsewhere = parseMAC('02:00:00:00:01:01') ?? new Uint8Array();
const answerer: Answerer = {
  mac: ours,
  stance: (ip) => (announced.has(printIP(ip)) ? 'answers' : free.has(printIP(ip)) ? 'probes' : undefined),
  isOwn: (mac) => [ours, elsewhere].some((own) => sameBytes(own, mac)),
};

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(/\s/g, ''), 'hex'));
const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex');
const PADDING = '00'.repeat(18);

// Who has 192.168.77.100? Tell 192.168.77.2
const REQUEST = 'ffffffffffff 020000000002 0806 0001 0800 06 04 0001 020000000002 c0a84d02 000000000000 c0a84d64';
const REPLY = '020000000002 020000000001 0806 0001 0800 06 04 0002 020000000001 c0a84d64 020000000002 c0a84d02';

/** The request with one piece replaced. */
const but = (what: string, by: string) => {
  assert.ok(REQUEST.includes(what));
  return REQUEST.replace(what, by);
};

const PROBED_ANSWER = REPLY.replaceAll('020000000001', '0200000000ff')
  .replaceAll('020000000002', '020000000001')
  .replace('c0a84d64', 'c0a84d96')
  .replace('c0a84d02', '00000000');
const RIVAL_PROBE = but('c0a84d02', '00000000').replace('c0a84d64', 'c0a84d96');
const OWN_ELSEWHERE = but('c0a84d02', 'c0a84d64').replaceAll('020000000002', '020000000101');

const cases: readonly (readonly [string, string, string])[] = [
  ['a question for our address is answered', REQUEST, 'reply'],
  ['so is one that is sent to our MAC', but('ffffffffffff', '020000000001'), 'reply'],
  ['so is the probe of a host without an address', but('c0a84d02', '00000000'), 'reply'],
  ['a question for another address is not', but('c0a84d64', 'c0a84d65'), 'not-ours'],
  ['a frame for another host is not', but('ffffffffffff', '020000000009'), 'not-to-us'],
  ['an answer is no question', but('0001 020000000002', '0002 020000000002'), 'not-request'],
  ['a host that announces itself asks nothing', but('c0a84d64', 'c0a84d02'), 'gratuitous'],
  ['a question from our address claims it', but('c0a84d02', 'c0a84d64'), 'claim'],
  ['so does an answer from it', but('c0a84d02', 'c0a84d64').replace('0001 020000000002', '0002 020000000002'), 'claim'],
  ['so does an answer to us about an address that we probe for', PROBED_ANSWER, 'claim'],
  ['and another host’s probe for such an address', RIVAL_PROBE, 'claim'],
  ['a question for such an address is not answered', but('c0a84d64', 'c0a84d96'), 'not-ours'],
  ['what another interface of this machine sends claims nothing', OWN_ELSEWHERE, 'own'],
  [
    'an operation that is none claims nothing',
    but('c0a84d02', 'c0a84d64').replace('0001 0200', '0009 0200'),
    'not-request',
  ],
  ['an answer to everybody is not sent', but('0001 020000000002', '0001 ffffffffffff'), 'bad-sender'],
  ['an answer to ourselves is not sent', but('0001 020000000002', '0001 020000000001'), 'own'],
  ['ARP for other hardware is not ours', but('0806 0001', '0806 0006'), 'malformed'],
  ['a packet that is cut off is not read', REQUEST.slice(0, -4), 'malformed'],
  ['nor is another protocol', but('0806', '0800'), 'malformed'],
  ['nor is an empty frame', '', 'malformed'],
];

for (const [what, frame, expected] of cases) {
  test(what, () => {
    const verdict = arp.judge(bytes(frame), answerer);
    assert.equal(verdict.act === 'ignore' ? verdict.why : verdict.act, expected);
  });
}

test('the answer names our MAC, goes to the asker alone, and is padded', () => {
  const verdict = arp.judge(bytes(REQUEST), answerer);
  assert.ok(verdict.act === 'reply');
  assert.equal(hex(verdict.frame), hex(bytes(REPLY + PADDING)));
});

test('a claim names the address and the host that has it', () => {
  const verdict = arp.judge(bytes(PROBED_ANSWER), answerer);
  assert.ok(verdict.act === 'claim');
  assert.equal(printIP(verdict.ip), '192.168.77.150');
  assert.equal(hex(verdict.mac), '0200000000ff');
});

test('an announcement is a broadcast request for the address by itself, and the same as a reply', () => {
  assert.deepEqual(
    arp.announcement(mustParseIP('192.168.77.100'), ours).map(hex),
    [
      `ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 c0a84d64 000000000000 c0a84d64 ${PADDING}`,
      `ffffffffffff 020000000001 0806 0001 0800 06 04 0002 020000000001 c0a84d64 020000000001 c0a84d64 ${PADDING}`,
    ].map((text) => hex(bytes(text))),
  );
});

test('a probe is a question that nobody learns an address from', () => {
  assert.equal(
    hex(arp.question(mustParseIP('192.168.77.100'), ours)),
    hex(
      bytes(
        `ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 00000000 000000000000 c0a84d64 ${PADDING}`,
      ),
    ),
  );
});

const seed = testSeed();
test(`what is encoded is decoded again (seed ${seed})`, () => {
  const random = seededRandom(seed);
  const take = (count: number) => Uint8Array.from({ length: count }, () => randomBelow(random, 256));
  for (let round = 0; round < 200; round++) {
    const packet = {
      operation: randomBelow(random, 65_536),
      senderMAC: take(6),
      senderIP: ipFromBytes(take(4)) ?? mustParseIP('0.0.0.0'),
      targetMAC: take(6),
      targetIP: ipFromBytes(take(4)) ?? mustParseIP('0.0.0.0'),
    };
    assert.deepEqual(decodeArp(encodeArp(packet)), packet);
  }
});
