import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
const enter = [...user, '--net', '--pid', '--fork', '--kill-child'];

function unable(): string | false {
  if (spawnSync('dig', ['-v']).status !== 0) return 'dig is not installed (Debian package bind9-dnsutils)';
  return spawnSync('unshare', [...enter, 'true']).status === 0 ? false : 'this user cannot make network namespaces';
}

test('an address that the machine gets only later is served as soon as it is there', { skip: unable() }, async () => {
  const fixture = fileURLToPath(new URL('late-address.fixture.ts', import.meta.url));
  const { stdout } = await promisify(execFile)('unshare', [...enter, process.execPath, fixture], { timeout: 20_000 });
  assert.deepEqual(JSON.parse(stdout), { early: [], answers: Array(4).fill('10.96.0.10') });
});
