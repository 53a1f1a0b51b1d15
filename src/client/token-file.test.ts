import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { minutes, seconds } from '../lib/duration.ts';
import { TokenFile } from './token-file.ts';

let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'postern-token-'));
});
after(() => rm(dir, { recursive: true }));

test('a token that is renewed is read again within a minute, or as soon as the server refuses it', async () => {
  const path = join(dir, 'token');
  let now = 0;
  const file = new TokenFile(path, () => now);
  await writeFile(path, 'first\n');
  assert.equal(await file.token(), 'first');
  await writeFile(path, 'second');
  now += seconds(59);
  assert.equal(await file.token(), 'first');
  now += seconds(1);
  assert.equal(await file.token(), 'second');
  await writeFile(path, 'third');
  file.refused();
  assert.equal(await file.token(), 'third');
});

test('the last token serves while the file cannot be read; without any, why is told', async () => {
  const path = join(dir, 'gone');
  let now = 0;
  const file = new TokenFile(path, () => now);
  await assert.rejects(file.token(), /ENOENT/);
  await writeFile(path, 'a');
  assert.equal(await file.token(), 'a');
  await rm(path);
  now += minutes(2);
  assert.equal(await file.token(), 'a');
});
