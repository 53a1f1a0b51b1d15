import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { Command } from 'commander';
import { UserError } from './errors.ts';
import { addHeartbeatOptions, type HeartbeatFlags, heartbeatArgv, heartbeatsOf } from './heartbeat-options.ts';

const dir = mkdtempSync(join(tmpdir(), 'pst-key-'));
after(() => rmSync(dir, { recursive: true }));

function file(name: string, bytes: string, mode = 0o600): string {
  const path = join(dir, name);
  writeFileSync(path, bytes);
  chmodSync(path, mode);
  return path;
}

const typed = (...argv: readonly string[]): HeartbeatFlags =>
  addHeartbeatOptions(new Command()).parse(argv, { from: 'user' }).opts<HeartbeatFlags>();

const refusal = async (...argv: readonly string[]): Promise<UserError> => {
  const error = await heartbeatsOf(typed(...argv)).catch((thrown: unknown) => thrown);
  assert(error instanceof UserError);
  return error;
};

test('nothing typed is fifty milliseconds, three hundred, port 7952 and the Secret of the cluster', async () => {
  assert.deepEqual(await heartbeatsOf(typed()), { heartbeats: { interval: 50, timeout: 300, port: 7952 } });
});

test('what is typed reaches another process of ours as it was', () => {
  const flags = typed(...['--heartbeat-interval', '0.1s', '--heartbeat-timeout', '1s', '--heartbeat-key', '/f']);
  assert.deepEqual(typed(...heartbeatArgv(flags)), flags);
  assert.deepEqual(typed(...heartbeatArgv(typed())), typed());
});

test('times that do not fit together are refused, with those that do', async () => {
  const { message, remedy } = await refusal('--heartbeat-interval', '200ms');
  assert.match(message, /heartbeat timeout 300 ms: with an interval of 200 ms it is 600 ms to/);
  assert.match(remedy ?? '', /--heartbeat-interval 50ms --heartbeat-timeout 300ms/);
});

test('a key is named by its file; a line end in it does not count', async () => {
  for (const text of ['sixteen bytes...', 'sixteen bytes...\n']) {
    const path = file('key', text);
    assert.equal((await heartbeatsOf(typed('--heartbeat-key', path))).heartbeatKeyFile, path);
  }
});

for (const [why, path, says] of [
  ['is not there', () => join(dir, 'none'), /none cannot be read: ENOENT/],
  ['is a directory', () => dir, /is no file/],
  ['is too short', () => file('short', 'fifteen bytes..\n'), /has 16 bytes: it is 16 to 4096, line end apart/],
  ['is another file', () => file('long', 'x'.repeat(5000)), /has 5000 bytes/],
  ['is for all to read', () => file('open', 'sixteen bytes at least', 0o644), /readable by everyone/],
] as const) {
  test(`a key that ${why} is refused, with what to do`, async () => {
    const { message, remedy } = await refusal('--heartbeat-key', path());
    assert.match(message, says);
    assert.match(remedy ?? '', /openssl rand|chmod 600/);
  });
}
