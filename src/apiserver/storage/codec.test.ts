import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Entry } from '../../store/store.ts';
import { Codec } from './codec.ts';

const entry = (key: string, modified: number, padding = 0): Entry => ({
  key,
  created: 1,
  modified,
  value: Buffer.from(JSON.stringify({ apiVersion: 'v1', kind: 'X', metadata: { name: key }, p: 'x'.repeat(padding) })),
});

test('an object is decoded once, whoever asks, and has the revision of its write', () => {
  const codec = new Codec();
  const stored = codec.decode(entry('a', 2));
  assert.equal(stored.object.metadata.resourceVersion, '2');
  assert.equal(codec.decode(entry('a', 2)), stored);
});

test('the version before a change stays decoded for the watchers that come later', () => {
  const codec = new Codec();
  const before = codec.decode(entry('a', 2));
  const after = codec.decode(entry('a', 3));
  for (const _ of [1, 2]) {
    assert.equal(codec.decode(entry('a', 2)), before);
    assert.equal(codec.decode(entry('a', 3)), after);
  }
});

test('an old version that is read does not take the place of a newer', () => {
  const codec = new Codec();
  const newest = codec.decode(entry('a', 9));
  assert.equal(codec.decode(entry('a', 2)).modified, 2);
  assert.equal(codec.decode(entry('a', 9)), newest);
});

test('what is asked for stays, and what is not goes, when there is more than can be kept', () => {
  const codec = new Codec();
  const asked = codec.decode(entry('asked', 1));
  const forgotten = codec.decode(entry('forgotten', 1));
  for (let i = 0; i < 40; i++) {
    codec.decode(entry(`large-${i}`, 1, 2 ** 20));
    assert.equal(codec.decode(entry('asked', 1)), asked);
  }
  assert.notEqual(codec.decode(entry('forgotten', 1)), forgotten);
});
