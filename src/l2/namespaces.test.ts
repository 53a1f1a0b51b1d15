import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
// A process namespace too: whatever happens, nothing outlives the fixture.
const enter = [...user, '--net', '--pid', '--fork', '--kill-child', '--mount-proc'];
const MAC = '02:00:00:00:00:01';

function unable(): string | false {
  for (const [program, debianPackage] of [
    ['arping', 'iputils-arping'],
    ['ndisc6', 'ndisc6'],
    ['ping', 'iputils-ping'],
    ['ip', 'iproute2'],
  ]) {
    if (spawnSync('sh', ['-c', `command -v ${program}`]).status !== 0) return `needs the package ${debianPackage}`;
  }
  return spawnSync('unshare', [...enter, 'true']).status === 0 ? false : 'this user cannot make network namespaces';
}

test('a client on the LAN finds the announced addresses, and only those', { skip: unable() }, async () => {
  const fixture = fileURLToPath(new URL('namespaces.fixture.ts', import.meta.url));
  const { stdout } = await promisify(execFile)('unshare', [...enter, process.execPath, fixture], { timeout: 60_000 });
  const where = { interfaces: ['lan0'], services: ['ns/web'] };
  assert.deepEqual(JSON.parse(stdout), {
    announcing: [
      // One of the node's own: the kernel answers for it, we do not.
      { address: '192.168.77.1', protocol: 'ARP', interfaces: [], services: ['ns/web'] },
      { address: '192.168.77.100', protocol: 'ARP', ...where },
      { address: 'fd77::100', protocol: 'NDP', ...where },
    ],
    tookOver: [true, true],
    arping: [MAC, MAC],
    ndisc6: MAC,
    unassigned: [[], 'no answer'],
    joined: true,
    asked: [MAC, MAC],
    withdrawn: [[], 'no answer'],
    left: true,
  });
});
