import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNodeContainers } from './container-runtime.ts';

const root = process.getuid?.() === 0;

test('a machine without containerd is told what to install', {
  skip: !root && 'an ordinary user is told something else',
}, () => {
  assert.throws(
    () => checkNodeContainers(['/nowhere']),
    /need containerd, ctr, runc.*\. Install: apt-get install .*containerd runc/,
  );
});

test('an ordinary user is told that it takes root', { skip: root && 'needs an ordinary user' }, () => {
  assert.throws(() => checkNodeContainers(), /Nodes with containers need root/);
});
