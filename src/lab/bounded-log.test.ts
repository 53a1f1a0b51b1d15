import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../../test/support/temp-dir.ts';
import { BoundedLog, lastLines } from './bounded-log.ts';

test('a log past its limit is set aside, and only the last one set aside is kept', (t) => {
  const path = join(tempDir(t), 'x.log');
  const log = new BoundedLog(path, 10);
  for (const line of ['aaaaaa\n', 'bbbbbb\n', 'cccccc\n']) log.write(Buffer.from(line));
  log.close();
  assert.equal(readFileSync(path, 'utf8'), 'cccccc\n');
  assert.equal(readFileSync(`${path}.1`, 'utf8'), 'bbbbbb\n');
});

test('a log is continued after a restart, and its size counted', (t) => {
  const path = join(tempDir(t), 'x.log');
  for (const line of ['one\n', 'two\n', 'three\n']) {
    const log = new BoundedLog(path, 9);
    log.write(Buffer.from(line));
    log.close();
  }
  assert.equal(readFileSync(path, 'utf8'), 'three\n');
});

test('the last lines of a log that does not exist are none', (t) => {
  assert.equal(lastLines(join(tempDir(t), 'none'), 3), '');
});
