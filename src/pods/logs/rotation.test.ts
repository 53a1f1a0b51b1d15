import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { tempDir } from '../../../test/support/temp-dir.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { CRIError } from '../cri/cri.ts';
import { rotateLog } from './rotation.ts';

const limits = { maxBytes: 10, maxFiles: 3 };
const noon = Date.UTC(2026, 0, 2, 12);

function logIn(dir: string) {
  const clock = new FakeClock(noon);
  const logPath = join(dir, '0.log');
  const write = (text: string): void => writeFileSync(logPath, text, { flag: 'a' });
  const reopened: string[] = [];
  const runtime = {
    reopenLog: async (id: string): Promise<void> => {
      reopened.push(id);
      writeFileSync(logPath, '');
    },
  };
  const container = { containerID: 'c1', logPath };
  return { clock, write, reopened, runtime, container, options: { runtime, limits, clock, log: silentLogger }, dir };
}

test('a log that has grown is moved away, and a new one is begun', async (t) => {
  const { write, container, options, reopened, dir } = logIn(tempDir(t));
  write('short');
  assert.equal(await rotateLog(container, options), false);
  write(' and long');
  assert.equal(await rotateLog(container, options), true);
  assert.deepEqual(reopened, ['c1']);
  assert.equal(readFileSync(join(dir, '0.log.20260102-120000'), 'utf8'), 'short and long');
});

test('of many rotations the last ones are kept, all but the newest compressed', async (t) => {
  const { write, container, options, clock, dir } = logIn(tempDir(t));
  for (let i = 1; i <= 5; i++) {
    write(`rotation number ${i}`);
    await rotateLog(container, options);
    clock.advance(1000);
  }
  assert.deepEqual(readdirSync(dir).toSorted(), ['0.log', '0.log.20260102-120003.gz', '0.log.20260102-120004']);
  assert.equal(gunzipSync(readFileSync(join(dir, '0.log.20260102-120003.gz'))).toString(), 'rotation number 4');
});

test('when the runtime does not begin a new log, the old one stays where it is', async (t) => {
  const { write, container, options, dir } = logIn(tempDir(t));
  write('long enough');
  const runtime = { reopenLog: () => Promise.reject(new CRIError('ReopenContainerLog', 'unknown', 'no')) };
  await assert.rejects(rotateLog(container, { ...options, runtime }), /no/);
  assert.deepEqual(readdirSync(dir), ['0.log']);
  assert.equal(readFileSync(join(dir, '0.log'), 'utf8'), 'long enough');
});

test('a container without a log is no trouble', async (t) => {
  const { container, options } = logIn(tempDir(t));
  assert.equal(await rotateLog(container, options), false);
});
