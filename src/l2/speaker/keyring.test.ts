import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Keyring, keysOf, NO_KEYS, withRead } from './keyring.ts';

const MINUTE = 60_000;
const secret = (text: string) => Buffer.from(text.padEnd(16, '.'));
const read = (ring: Keyring, text: string, now: number, ...besides: readonly string[]) =>
  withRead(ring, { signing: secret(text), besides: besides.map(secret) }, now);
const names = (ring: Keyring, now: number) =>
  keysOf(ring, now).map((key) => Buffer.from(key.secret).toString().replaceAll('.', ''));

test('the first secret signs at once', () => {
  assert.deepEqual(names(NO_KEYS, 0), []);
  assert.deepEqual(names(read(NO_KEYS, 'a', 0), 0), ['a']);
});

test('a new secret is believed at once, and signs when every node has had the time to read it', () => {
  const ring = read(read(NO_KEYS, 'a', 0), 'b', 10 * MINUTE);
  assert.deepEqual(names(ring, 10 * MINUTE), ['a', 'b']);
  assert.deepEqual(names(ring, 12 * MINUTE - 1), ['a', 'b']);
  assert.deepEqual(names(ring, 12 * MINUTE), ['b', 'a']);
  assert.deepEqual(names(ring, 14 * MINUTE), ['b']);
});

test('whenever each of two nodes reads a new secret, in the same minute, each believes what the other signs with', () => {
  for (let later = 0; later <= MINUTE; later += 5000) {
    let [one, other] = [read(NO_KEYS, 'a', 0), read(NO_KEYS, 'a', 0)];
    for (let now = 0; now <= 8 * MINUTE; now += 1000) {
      if (now === MINUTE) one = read(one, 'b', now);
      if (now === MINUTE + later) other = read(other, 'b', now);
      if (now < MINUTE + later && now >= MINUTE)
        assert.equal(names(one, now)[0], 'a', 'one signs before the other can know');
      assert.ok(
        names(one, now).includes(names(other, now)[0] ?? ''),
        `the other signs with what one does not know, at ${now}`,
      );
      assert.ok(
        names(other, now).includes(names(one, now)[0] ?? ''),
        `one signs with what the other does not know, at ${now}`,
      );
    }
    assert.deepEqual([names(one, 8 * MINUTE), names(other, 8 * MINUTE)], [['b'], ['b']]);
  }
});

test('other entries are believed and never sign', () => {
  assert.deepEqual(names(read(NO_KEYS, 'a', 0, 'x', 'a'), 0), ['a', 'x']);
});

test('secrets that signed long ago are forgotten', () => {
  let ring = NO_KEYS;
  for (let i = 0; i < 100; i++) ring = read(ring, `k${i}`, i * 10 * MINUTE);
  assert.ok(ring.signing.length <= 3, `${ring.signing.length} are kept`);
});
