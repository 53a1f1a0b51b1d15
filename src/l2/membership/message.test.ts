import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Random, randomBelow, seededRandom } from '../../lib/random.ts';
import { Keyring } from './keyring.ts';
import {
  claimedOrder,
  decodeHeartbeat,
  encodeHeartbeat,
  type Heartbeat,
  MAX_MACS,
  MAX_MESSAGE,
  MAX_VIEW,
  nodeId,
  type Seen,
  TAG_LENGTH,
} from './message.ts';

const SEED = Number(process.env['POSTERN_TEST_SEED'] ?? Math.floor(Math.random() * 2 ** 32));

const random48 = (random: Random): number => randomBelow(random, 2 ** 24) * 2 ** 24 + randomBelow(random, 2 ** 24);
const list = <T>(count: number, item: () => T): readonly T[] => Array.from({ length: count }, item);

function anyHeartbeat(random: Random): Heartbeat {
  const flip = (): boolean => random() < 0.5;
  const seen = (): Seen => ({
    id: random48(random),
    hears: flip(),
    leaving: flip(),
    silent: flip(),
    incarnation: random48(random),
    sequence: random48(random),
    held: randomBelow(random, 0x10000) / 10,
  });
  return {
    sender: 'n'.repeat(1 + randomBelow(random, 253)),
    incarnation: random48(random),
    sequence: random48(random),
    interval: randomBelow(random, 0x10000),
    leaving: flip(),
    silent: flip(),
    macs: list(randomBelow(random, MAX_MACS + 1), () => random48(random)),
    view: list(randomBelow(random, 60), seen),
  };
}

describe('a heartbeat', () => {
  test('is the same after it was encoded and decoded', () => {
    const random = seededRandom(SEED);
    for (let i = 0; i < 300; i++) {
      const heartbeat = anyHeartbeat(random);
      const bytes = encodeHeartbeat(heartbeat);
      assert.deepEqual(decodeHeartbeat(bytes), heartbeat, `seed ${SEED}`);
      assert.deepEqual(claimedOrder(bytes), { incarnation: heartbeat.incarnation, sequence: heartbeat.sequence });
    }
  });

  test('of 60 nodes fits into one frame of an Ethernet, over IPv6', () => {
    const [seen] = anyHeartbeat(seededRandom(1)).view;
    assert.ok(seen);
    const macs = [1, 2];
    const bytes = encodeHeartbeat({
      ...anyHeartbeat(seededRandom(1)),
      sender: 'node-0123456789',
      macs,
      view: list(60, () => seen),
    });
    assert.ok(bytes.length <= 1500 - 40 - 8, `${bytes.length} bytes`);
  });

  test('of as many nodes as a view may have is not refused as too long', () => {
    const [seen] = anyHeartbeat(seededRandom(1)).view;
    assert.ok(seen);
    const bytes = encodeHeartbeat({ ...anyHeartbeat(seededRandom(1)), view: list(MAX_VIEW + 5, () => seen) });
    assert.ok(bytes.length <= MAX_MESSAGE);
    const decoded = decodeHeartbeat(bytes);
    assert.equal(typeof decoded === 'string' ? decoded : decoded.view.length, MAX_VIEW);
  });

  test('of a later version of ours may have more flags, and more after the view', () => {
    const heartbeat = anyHeartbeat(seededRandom(2));
    const bytes = encodeHeartbeat(heartbeat);
    bytes.writeUInt8(bytes.readUInt8(3) | 0xf0, 3);
    const longer = Buffer.concat([bytes.subarray(0, -TAG_LENGTH), Buffer.alloc(7, 9), bytes.subarray(-TAG_LENGTH)]);
    assert.deepEqual(decodeHeartbeat(longer), heartbeat);
  });

  test('of another version is told apart from what is none', () => {
    const bytes = encodeHeartbeat(anyHeartbeat(seededRandom(3)));
    bytes.writeUInt8(2, 2);
    assert.equal(decodeHeartbeat(bytes), 'other-version');
    bytes.writeUInt16BE(0, 0);
    assert.equal(decodeHeartbeat(bytes), 'not-a-heartbeat');
    assert.equal(claimedOrder(bytes), undefined);
    assert.equal(decodeHeartbeat(Buffer.alloc(0)), 'not-a-heartbeat');
    assert.equal(decodeHeartbeat(Buffer.alloc(MAX_MESSAGE + 1)), 'not-a-heartbeat');
  });

  test('that is cut short anywhere is malformed', () => {
    const bytes = encodeHeartbeat({ ...anyHeartbeat(seededRandom(4)), sender: 'node1', macs: [1, 2] });
    for (let length = TAG_LENGTH + 3; length < bytes.length; length++) {
      assert.equal(decodeHeartbeat(bytes.subarray(0, length)), 'malformed', `${length} bytes`);
    }
  });

  test('made of anything at all is read or refused, and never throws', () => {
    const random = seededRandom(SEED);
    for (let i = 0; i < 20_000; i++) {
      const bytes = i % 2 === 0 ? encodeHeartbeat(anyHeartbeat(random)) : Buffer.alloc(randomBelow(random, 200));
      if (i % 2 === 1) bytes.set([0x50, 0x48, 1].slice(0, bytes.length));
      for (let flips = 0; flips < 8 && bytes.length > 0; flips++) {
        bytes[randomBelow(random, bytes.length)] = randomBelow(random, 256);
      }
      const short = bytes.subarray(0, randomBelow(random, bytes.length + 1));
      for (const some of [bytes, short]) {
        claimedOrder(some);
        const read = decodeHeartbeat(some);
        if (typeof read !== 'string') assert.ok(read.view.length <= MAX_VIEW && read.macs.length <= MAX_MACS);
      }
    }
  });

  test('names nodes by 48 bits that differ from node to node', () => {
    assert.equal(new Set(Array.from({ length: 10_000 }, (_, i) => nodeId(`node${i}`))).size, 10_000);
  });
});

describe('a keyring', () => {
  const keyring = (...secrets: readonly number[]): Keyring => {
    const made = new Keyring();
    made.set(secrets.map((fill) => ({ secret: Buffer.alloc(32, fill) })));
    return made;
  };
  const message = (): Buffer => encodeHeartbeat(anyHeartbeat(seededRandom(5)));

  test('accepts what it has signed, and nothing of which a bit was changed', () => {
    const keys = keyring(1);
    const signed = message();
    keys.sign(signed);
    assert.ok(keys.accepts(signed));
    for (let at = 0; at < signed.length; at += 7) {
      const forged = Buffer.from(signed);
      forged.writeUInt8(forged.readUInt8(at) ^ 1, at);
      assert.ok(!keys.accepts(forged), `byte ${at}`);
    }
    assert.ok(!keys.accepts(signed.subarray(0, 5)));
  });

  test('changes from one key to another without refusing anybody on the way', () => {
    const signed = message();
    const steps = [keyring(1), keyring(1, 2), keyring(2, 1), keyring(2)];
    for (const [i, sender] of steps.entries()) {
      sender.sign(signed);
      for (const receiver of steps.slice(Math.max(0, i - 1), i + 2)) assert.ok(receiver.accepts(signed), `step ${i}`);
    }
    assert.ok(!keyring(1).accepts(signed));
  });

  test('without a key accepts nothing and cannot sign', () => {
    const empty = keyring();
    assert.ok(empty.isEmpty);
    assert.ok(!empty.accepts(message()));
    assert.throws(() => empty.sign(message()), /there is no key/);
  });

  test('leaves out keys that are too short, and more than a few', () => {
    const keys = new Keyring();
    assert.equal(keys.set([{ secret: Buffer.alloc(15) }]), 1);
    assert.ok(keys.isEmpty);
    assert.equal(keys.set(list(10, () => ({ secret: Buffer.alloc(16) }))), 6);
  });
});
