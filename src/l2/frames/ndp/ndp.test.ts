import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseIP, printIP } from '../../../lib/ip.ts';
import { parseMAC } from '../../../lib/mac.ts';
import { testSeed } from '../../../lib/random.fixture.ts';
import { randomBelow, seededRandom } from '../../../lib/random.ts';
import { sameBytes } from '../ethernet.ts';
import type { Answerer } from '../protocol.ts';
import { ndp } from './ndp.ts';
import { solicitedNode } from './packet.ts';

const ours = parseMAC('02:00:00:00:00:01') ?? new Uint8Array();
const announced = new Set(['fd77::100']);
const free = new Set(['fd77::150']);
const answerer: Answerer = {
  mac: ours,
  stance: (ip) => (announced.has(printIP(ip)) ? 'answers' : free.has(printIP(ip)) ? 'probes' : undefined),
  isOwn: (mac) => sameBytes(ours, mac),
};

const bytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex');

// Made by hand, with checksums computed elsewhere: fd77::2 asks for fd77::100.
const SOLICITATION =
  '3333ff00010002000000000286dd6000000000203afffd770000000000000000000000000002ff0200000000000000000001ff00010087007aab00000000fd7700000000000000000000000001000101020000000002';
// A host without an address asks for the same: duplicate address detection.
const PROBE =
  '3333ff00010002000000000286dd6000000000183aff00000000000000000000000000000000ff0200000000000000000001ff00010087007b3000000000fd770000000000000000000000000100';
const ADVERTISEMENT =
  '02000000000202000000000186dd6000000000203afffd770000000000000000000000000100fd7700000000000000000000000000028800193960000000fd7700000000000000000000000001000201020000000001';
const UNSOLICITED =
  '33330000000102000000000186dd6000000000203afffd770000000000000000000000000100ff020000000000000000000000000001880057af20000000fd7700000000000000000000000001000201020000000001';

/** The solicitation with bytes replaced and, unless told otherwise, its checksum put right. */
function changed(
  changes: Readonly<Record<number, number>>,
  keepChecksum = false,
  from: string | Uint8Array = SOLICITATION,
): Uint8Array {
  const frame = typeof from === 'string' ? bytes(from) : from.slice();
  for (const [at, value] of Object.entries(changes)) frame[Number(at)] = value;
  if (keepChecksum) return frame;
  const view = new DataView(frame.buffer);
  view.setUint16(56, 0);
  let sum = frame.length - 54 + 58;
  for (let at = 22; at < frame.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(56, ~sum & 0xffff);
  return frame;
}

const HOP_LIMIT = 21;
const SOURCE = 22;
const CODE = 55;
const TARGET = 62;
const OPTION = 78;

const FLAGS = 58;
/** fd77::150, the last two bytes of the target. */
const FREE = { [TARGET + 14]: 1, [TARGET + 15]: 0x50 };
/** Another host's unsolicited advertisement of our address. */
const STRANGERS = changed({ 11: 0xff, 85: 0xff }, false, UNSOLICITED);

const cases: readonly (readonly [string, Uint8Array, string])[] = [
  ['a question for our address is answered', bytes(SOLICITATION), 'reply'],
  ['so is one that is sent to our MAC', changed({ 0: 2, 1: 0, 2: 0, 3: 0, 4: 0, 5: 1 }), 'reply'],
  ['so is the probe of a host without an address', bytes(PROBE), 'reply'],
  ['a question for another address is not', changed({ [TARGET + 2]: 1 }), 'not-ours'],
  ['a frame for another group is not', changed({ 5: 9 }), 'not-to-us'],
  ['a packet that came through a router is not believed', changed({ [HOP_LIMIT]: 254 }), 'malformed'],
  ['nor is one with a wrong checksum', changed({ [TARGET + 2]: 1 }, true), 'malformed'],
  ['nor is one with a code', changed({ [CODE]: 1 }), 'malformed'],
  ['nor is one for a multicast target', changed({ [TARGET]: 0xff }), 'malformed'],
  ['nor is one with an option of length 0', changed({ [OPTION + 1]: 0 }), 'malformed'],
  ['nor is one with an option past its end', changed({ [OPTION + 1]: 2 }), 'malformed'],
  ['an answer to everybody is not sent', changed({ [OPTION + 2]: 0xff }), 'bad-sender'],
  ['a question from our address claims it', changed({ [SOURCE + 14]: 1, [SOURCE + 15]: 0 }), 'claim'],
  ['a probe for an address that we probe for claims it', changed({ ...FREE, 5: 0x50 }, false, PROBE), 'claim'],
  ['a question for such an address is not answered', changed({ ...FREE, 5: 0x50 }), 'not-ours'],
  ['an advertisement of our address claims it', STRANGERS, 'claim'],
  ['even one that does not override', changed({ [FLAGS]: 0 }, false, STRANGERS), 'claim'],
  ['and one of an address that we probe for', changed(FREE, false, STRANGERS), 'claim'],
  ['one of any other address does not', changed({ [TARGET + 15]: 9 }, false, STRANGERS), 'not-request'],
  ['an advertisement of our own, come back, claims nothing', bytes(UNSOLICITED), 'own'],
  ['one that came through a router claims nothing', changed({ [HOP_LIMIT]: 254 }, false, STRANGERS), 'malformed'],
  ['nor does one that says to all that they had asked', changed({ [FLAGS]: 0x60 }, false, STRANGERS), 'malformed'],
  ['nor does one to another host', changed({ 0: 2, 1: 9 }, false, STRANGERS), 'not-to-us'],
  ['a probe must be sent to the group', changed({ 38: 0xfd }, false, PROBE), 'malformed'],
  ['an empty frame is not read', new Uint8Array(), 'malformed'],
];

for (const [what, frame, expected] of cases) {
  test(what, () => {
    const verdict = ndp.judge(frame, answerer);
    assert.equal(verdict.act === 'ignore' ? verdict.why : verdict.act, expected);
  });
}

test('the answer is solicited, overrides, and goes to the asker alone', () => {
  const verdict = ndp.judge(bytes(SOLICITATION), answerer);
  assert.ok(verdict.act === 'reply');
  assert.equal(hex(verdict.frame), ADVERTISEMENT);
});

test('a host that checks its address is answered so that everybody hears it', () => {
  const verdict = ndp.judge(bytes(PROBE), answerer);
  assert.ok(verdict.act === 'reply');
  assert.equal(hex(verdict.frame), UNSOLICITED);
});

test('an announcement is an unsolicited advertisement to all nodes', () => {
  assert.deepEqual(ndp.announcement(mustParseIP('fd77::100'), ours).map(hex), [UNSOLICITED]);
});

test('a claim names the address and the host that has it', () => {
  const verdict = ndp.judge(STRANGERS, answerer);
  assert.ok(verdict.act === 'claim');
  assert.equal(printIP(verdict.ip), 'fd77::100');
  assert.equal(hex(verdict.mac), '0200000000ff');
});

test('a probe is what a host sends that checks its own address', () => {
  const other = parseMAC('02:00:00:00:00:02') ?? new Uint8Array();
  assert.equal(hex(ndp.question(mustParseIP('fd77::100'), other)), PROBE);
  assert.equal(hex(ndp.question(mustParseIP('fd77::100'), other, mustParseIP('fd77::2'))), SOLICITATION);
});

test('an address is asked for in the group of its last 24 bits', () => {
  assert.equal(printIP(solicitedNode(mustParseIP('2001:db8::1:800:200e:8c6c'))), 'ff02::1:ff0e:8c6c');
});

const seed = testSeed();
test(`a damaged frame is never answered (seed ${seed})`, () => {
  const random = seededRandom(seed);
  const good = bytes(SOLICITATION);
  for (let round = 0; round < 3000; round++) {
    const frame = good.slice(0, randomBelow(random, good.length + 1));
    if (frame.length === good.length) {
      // Any single damaged byte behind the Ethernet header is found by a check or by the checksum.
      const at = 14 + randomBelow(random, good.length - 14);
      frame[at] = (frame[at] ?? 0) ^ (1 + randomBelow(random, 255));
      if (at === 14 || at === 15 || at === 16 || at === 17) continue; // Traffic class and flow label mean nothing here.
    }
    assert.equal(ndp.judge(frame, answerer).act, 'ignore');
  }
});
