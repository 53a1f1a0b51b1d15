import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, test } from 'node:test';
import { listenInDirectory } from './listen.ts';

const root = mkdtempSync(join(tmpdir(), 'pst-listen-'));
after(() => rmSync(root, { recursive: true }));

const listenAt = (path: string) => listenInDirectory({ address: path, port: 0 }, () => undefined);

test('the directory of a socket is made, for its owner alone, and goes with it', async () => {
  const path = join(root, 'postern', 'l2.sock');
  const listening = await listenAt(path);
  assert.equal(statSync(dirname(path)).mode & 0o777, 0o700);
  await listening.close();
  assert.deepEqual([existsSync(dirname(path)), existsSync(root)], [false, true]);
});

test('a directory that others use, or that was there before, stays', async () => {
  const path = join(root, 'shared', 'l2.sock');
  const listening = await listenAt(path);
  writeFileSync(join(dirname(path), 'theirs'), '');
  await listening.close();
  assert.equal(existsSync(join(dirname(path), 'theirs')), true);
  await (await listenAt(join(root, 'l2.sock'))).close();
  assert.equal(existsSync(root), true);
});
