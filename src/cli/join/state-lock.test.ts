import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { UserError } from '../errors.ts';
import { lockStateDir } from './state-lock.ts';

test('a state directory is that of one agent at a time, and free again when that one ends', (t) => {
  const dir = join(tempDir(t), 'state');
  const release = lockStateDir(dir);
  assert.equal(statSync(dir).mode & 0o777, 0o700);
  assert.equal(statSync(join(dir, 'lock')).mode & 0o777, 0o600);
  assert.throws(
    () => lockStateDir(dir),
    (error: Error) => error instanceof UserError && /an agent runs with it already/.test(error.message),
  );
  release();
  lockStateDir(dir)();
});
