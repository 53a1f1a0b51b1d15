import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPacketSocket, PacketSocketError } from './packet-socket.ts';

/** Runs a fixture as the only program of a fresh network namespace, as root or in a user namespace of its own. */
function inNamespace(fixture: string) {
  const script = fileURLToPath(new URL(`${fixture}`, import.meta.url));
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];
  return spawnSync('unshare', [...user, '--net', process.execPath, script], { encoding: 'utf8', timeout: 20_000 });
}

const probe = spawnSync('unshare', [
  ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']),
  '--net',
  'true',
]);
const skip = probe.status === 0 ? false : 'network namespaces are not available to this user';

test('frames cross a veth pair, and the filter keeps the others out', { skip }, () => {
  const { status, stdout, stderr } = inNamespace('packet-socket.fixture.ts');
  assert.equal(status, 0, stderr);
  assert.deepEqual(JSON.parse(stdout), {
    received: ['request'],
    ownMac: true,
    afterJoin: ['multicast'],
    linkGone: 'PacketSocketError',
    noSuch: 'packet socket on nope0: there is no such interface',
  });
});

test('an interface that is not there is named in the error', async () => {
  await assert.rejects(
    openPacketSocket({ interface: 'pst-absent', etherType: 0x0806 }),
    (error: unknown) => error instanceof PacketSocketError && error.interface === 'pst-absent',
  );
});
