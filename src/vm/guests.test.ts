import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { runCommand } from '../host/process.ts';
import { skipWithoutPrograms, skipWithoutTaps, UNSHARE } from '../host/testing/in-namespace.ts';
import type { GuestCommandResult } from './console/console.ts';
import { buildDemoImage } from './images/demo.ts';
import { qemuProgram } from './qemu/accelerator.ts';

interface Seen {
  readonly addresses: readonly string[];
  readonly names: readonly string[];
  readonly inGuest: readonly GuestCommandResult[];
  readonly blocked: { readonly reason: string; readonly message: string };
  readonly pids: readonly number[];
  readonly after: readonly number[];
  readonly afterRestart: GuestCommandResult;
  readonly killed: { readonly reportedAfter: number; readonly message: string };
  readonly ranOn: boolean;
  readonly deleted: string;
  readonly left: { readonly guests: readonly string[]; readonly links: number; readonly rules: string };
}

const CACHE = join(import.meta.dirname, '../../.cache');

const skip =
  skipWithoutPrograms(qemuProgram(process.arch), 'dnsmasq', 'nft', 'ip', 'apt-get', 'dpkg-deb') ||
  (existsSync('/dev/net/tun') ? skipWithoutTaps() : 'needs /dev/net/tun');

describe('two guests on a node', { skip }, () => {
  let stateDir = '';
  let seen: Seen;

  before(async () => {
    stateDir = mkdtempSync(join(tmpdir(), 'postern-guests-'));
    await buildDemoImage({ imageDir: join(CACHE, 'images'), cacheDir: join(CACHE, 'packages') });
    const fixture = join(import.meta.dirname, 'guests.fixture.ts');
    const argv = [...UNSHARE, process.execPath, fixture, join(CACHE, 'images'), stateDir];
    seen = JSON.parse((await runCommand(argv, { timeout: 150_000 })).stdout) as Seen;
  });
  after(() => {
    rmSync(stateDir, { recursive: true, force: true });
  });

  test('have an address of each family, and serve their own names at both', () => {
    assert.deepEqual(
      seen.addresses.map((address) => address.includes(':')),
      [false, true],
    );
    assert.deepEqual(seen.names, ['guest-a', 'guest-a']);
  });

  test('reach each other over both families, though their ports are isolated', () => {
    assert.deepEqual(seen.inGuest.slice(0, 2), [
      { output: 'guest-a\n', code: 0 },
      { output: 'guest-a\n', code: 0 },
    ]);
  });

  test('ask the node for names, and look in their own namespace first', () => {
    const search = 'search example-namespace.svc.cluster.local svc.cluster.local cluster.local';
    assert.equal(seen.inGuest[2]?.output, `${search}\nnameserver 10.244.1.1\n`);
  });

  test('run commands on their console and tell how those ended', () => {
    assert.deepEqual(seen.inGuest[3], { output: 'it failed\n', code: 3 });
  });

  test('are found again by a restarted agent, and not started twice', () => {
    assert.deepEqual(seen.after, seen.pids);
    assert.deepEqual(seen.afterRestart, { output: 'guest-b\n', code: 0 });
  });

  test('are reported as failed when their QEMU is killed, with the reason', () => {
    assert.match(seen.killed.message, /^QEMU has ended/);
  });

  test('power off when their pod is deleted, before the pod goes', () => assert.equal(seen.deleted, 'Succeeded'));

  test('end when the agent comes back and their pods went meanwhile: they may run elsewhere by now', () => {
    assert.equal(seen.ranOn, true);
  });

  test('say what to do when their image is missing', () => {
    assert.equal(seen.blocked.reason, 'ImageNotFound');
    assert.match(seen.blocked.message, /image example\.com\/none is not in the image store/);
  });

  test('leave nothing behind: no device but lo, no rule, no directory', () => {
    assert.deepEqual(seen.left, { guests: [], links: 1, rules: '' });
  });
});
