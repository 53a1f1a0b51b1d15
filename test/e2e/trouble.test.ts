/** A machine that lacks something, or a directory that will not do: said at the start, with the remedy, and nothing is made. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { CommandError, runCommand } from '../../src/host/process.ts';
import { tempDir } from '../support/temp-dir.ts';

/** Runs what must fail, and returns all that it printed. */
async function failure(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
  try {
    await runCommand(argv, { env });
  } catch (error) {
    assert.ok(error instanceof CommandError);
    assert.equal(error.code, 1, error.message);
    assert.doesNotMatch(error.stdout + error.stderr, /\n\s+at .*\.ts:/, 'no stack trace');
    return error.stdout + error.stderr;
  }
  assert.fail(`${argv.join(' ')} succeeded`);
}

const USER = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user'];

/** `argv` where `mount` has been done: gone with it. */
const afterMount = (mount: string, target: string, argv: readonly string[]) => [
  ...['unshare', ...USER, '--mount', 'sh', '-euc', `${mount} "$0"; exec "$@"`, target],
  ...argv,
];

describe('a program that is missing is named, with the package that has it', () => {
  /** A PATH with what the launcher itself needs; where administrators' programs are is searched in any case. */
  function poorPath(dir: string): string {
    for (const name of ['readlink', 'mkdir']) symlinkSync(`/usr/bin/${name}`, join(dir, name));
    return dir;
  }
  for (const args of [['lab', 'up'], ['quickstart']]) {
    test(`postern ${args.join(' ')}`, async (t) => {
      const dir = tempDir(t);
      const lab = join(dir, 'lab');
      mkdirSync(join(dir, 'bin'));
      const said = await failure([PROGRAM, ...args, '--dir', lab], { PATH: poorPath(join(dir, 'bin')) });
      assert.match(said, /^postern: missing on this machine: .*qemu-system-\S+ \(runs the virtual machines\)/m);
      assert.match(said, /apt-get install -y --no-install-recommends .*qemu-system-(x86|arm)/);
      assert.equal(existsSync(lab), false);
    });
  }
});

describe('a machine without taps is told how to get them', () => {
  for (const args of [['lab', 'up'], ['quickstart']]) {
    test(`postern ${args.join(' ')}`, async (t) => {
      const dir = tempDir(t);
      const argv = afterMount('mount -t tmpfs tmpfs', '/dev/net', [PROGRAM, ...args, '--dir', join(dir, 'lab')]);
      assert.match(await failure(argv), /^postern: Guests need \/dev\/net\/tun\. It is missing\. .*modprobe tun/m);
      assert.equal(existsSync(join(dir, 'lab')), false);
    });
  }
});

const WITH_DIRECTORY = [
  ['server', '--listen', '127.0.0.1:0', '--data-dir'],
  ['lab', 'up', '--dir'],
  ['quickstart', '--dir'],
] as const;

describe('a file in the place of a directory is named', () => {
  for (const args of WITH_DIRECTORY) {
    test(`postern ${args[0]}`, async (t) => {
      const file = join(tempDir(t), 'file');
      writeFileSync(file, '');
      const said = await failure([PROGRAM, ...args, join(file, 'below')]);
      assert.match(
        said,
        /^postern: --(data-)?dir \S+: \S+\/file is a file, and a directory is needed\n {2}Choose another/m,
      );
    });
  }
  test('postern lab down and status', async (t) => {
    const file = join(tempDir(t), 'file');
    writeFileSync(file, '');
    assert.match(await failure([PROGRAM, 'lab', 'down', '--dir', file]), /file is a file, not a lab/);
    assert.match(await failure([PROGRAM, 'lab', 'status', '--dir', file]), /stopped/);
  });
});

describe('a directory on a read-only file system is refused with the reason', () => {
  for (const args of WITH_DIRECTORY) {
    test(`postern ${args[0]}`, async (t) => {
      const dir = tempDir(t);
      const argv = afterMount('mount -t tmpfs -o ro tmpfs', dir, [PROGRAM, ...args, join(dir, 'new')]);
      assert.match(await failure(argv), /^postern: --(data-)?dir \S+: \S+ is on a read-only file system$/m);
    });
  }
});

test('a full disk is told with what to do', async (t) => {
  const dir = tempDir(t);
  const server = [PROGRAM, 'server', '--listen', '127.0.0.1:0', '--data-dir', dir];
  const said = await failure(afterMount('mount -t tmpfs -o size=16k tmpfs', dir, server));
  assert.match(said, /no space left on device/i);
  assert.match(said, /The disk is full: make room/);
});
