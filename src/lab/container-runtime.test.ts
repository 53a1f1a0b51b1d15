import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkNodeContainers } from './container-runtime.ts';
import { LabError } from './error.ts';

const told = (message: RegExp) => (error: unknown) => error instanceof LabError && message.test(error.message);

test('a machine without containerd is told what to install', () => {
  assert.throws(
    () => checkNodeContainers({ folders: ['/nowhere'], isRoot: true }),
    told(/need containerd, ctr, runc.*\. Install: apt-get install -y --no-install-recommends containerd runc/),
  );
});

test('an ordinary user is told that it takes root', () => {
  assert.throws(() => checkNodeContainers({ isRoot: false }), told(/need root: .*sudo/));
});
