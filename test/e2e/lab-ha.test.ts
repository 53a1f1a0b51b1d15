/** `npm run lab:ha`, as a user runs it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PROGRAM_DIR } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';
import { skipUnless } from '../../src/host/testing/in-namespace.ts';
import { skipWithoutEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { tempDir } from '../support/temp-dir.ts';

test('three servers, three members and three nodes come up, lose a machine, and end without a trace', {
  skip: skipUnless(['true']) || skipWithoutEtcd(),
}, async (t) => {
  const dir = join(tempDir(t), 'lab');
  const argv = [process.execPath, join(PROGRAM_DIR, 'scripts', 'lab-ha.ts'), '--dir', dir];
  const { stdout } = await runCommand(argv, { timeout: 240_000 });
  assert.match(stdout, /^3 +the controllers of server\d have taken over +ok$/m);
  assert.match(stdout, /^4 +node3 answers for the Service +ok$/m);
  assert.doesNotMatch(stdout, /NOT OK/);
  assert.equal(existsSync(dir), false);
});
