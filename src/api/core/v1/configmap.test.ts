import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { ConfigMap } from './configmap.ts';

test('keys of a map can be names of files, and each is there once', () => {
  assert.deepEqual(mistakesOf(ConfigMap, { data: { 'a.conf': 'x' }, binaryData: { b: 'AA==' } }), []);
  assert.deepEqual(mistakesOf(ConfigMap, { data: { '../a': 'x', b: 'y' }, binaryData: { b: 'AA==' } }), [
    'data[../a]: Invalid value: "../a": must not start with \'..\'',
    'data[b]: Invalid value: "b": duplicate of key present in binaryData',
  ]);
});

test('a map holds a mebibyte, keys and values together', () => {
  const size = (bytes: number) => mistakesOf(ConfigMap, { data: { key: 'x'.repeat(bytes - 3) } });
  assert.deepEqual(size(1024 * 1024), []);
  assert.deepEqual(size(1024 * 1024 + 1), [': Too long: may not be more than 1048576 bytes']);
});

test('what is immutable stays so', () => {
  const old = admitted(ConfigMap, { data: { a: '1' }, immutable: true });
  assert.deepEqual(
    mistakesOf(ConfigMap, { data: { a: '1' }, immutable: true, metadata: { labels: { x: 'y' } } }, old),
    [],
  );
  assert.deepEqual(mistakesOf(ConfigMap, { data: { a: '2' } }, old), [
    'immutable: Forbidden: field is immutable when `immutable` is set',
    'data: Forbidden: field is immutable when `immutable` is set',
  ]);
});
