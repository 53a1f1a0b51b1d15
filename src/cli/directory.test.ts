import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { requireDirectory } from './directory.ts';
import { explainError } from './errors.ts';

test('a directory that is there or can be made is accepted, and not made yet', async (t) => {
  const dir = tempDir(t);
  await requireDirectory('--data-dir', dir);
  await requireDirectory('--data-dir', join(dir, 'a', 'b'));
  assert.equal(existsSync(join(dir, 'a')), false);
});

test('a file in the place of a directory, or on the way to it, is named with the option', async (t) => {
  const file = join(tempDir(t), 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'below', 'it')]) {
    await assert.rejects(requireDirectory('--data-dir', path), (error: Error) => {
      assert.equal(error.message, `--data-dir ${path}: ${file} is a file, and a directory is needed`);
      return /Choose another directory/.test(explainError(error));
    });
  }
});

test('a full disk is told with what to do, however deep the error is', () => {
  const cause = Object.assign(new Error('no space left on device, write'), { code: 'ENOSPC' });
  assert.match(explainError(new Error('commit to the store', { cause })), /commit to the store\n {2}The disk is full/);
});
