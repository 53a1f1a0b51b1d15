/** On a machine that drops by default, `postern up` lets in what is exposed, and nothing else; also after kill -9. */
import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { runCommand } from '../../src/host/process.ts';

interface Seen {
  readonly before: string;
  readonly opened: string;
  readonly whileDead: boolean;
  readonly closed: string;
  readonly exitCode: number;
  readonly after: string;
}

const machine = fileURLToPath(new URL('firewall.fixture.ts', import.meta.url));
let seen: Seen;

before(async () => {
  const { stdout } = await runCommand(
    ['unshare', '--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, machine],
    { timeout: 180_000 },
  );
  seen = JSON.parse(stdout) as Seen;
});

test('a node port is opened with its Service, and who asks is told so', () => {
  assert.match(seen.opened, /TCP 192\.0\.2\.10:30080 +anyone +node-port +default\/web +- +open +Postern/);
});

test('it stays open while nothing of us runs, and is closed with its Service by the next run', () => {
  assert.equal(seen.whileDead, true);
  assert.doesNotMatch(seen.closed, /30080/);
});

test('in the end the firewall is as it was found', () => {
  assert.equal(seen.exitCode, 0);
  assert.equal(seen.after, seen.before);
});
