import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { tempDir } from '../test/support/temp-dir.ts';
import { LONGEST, longestFirst } from './setup/long-tests.mjs';
import { findProgram, nodePath } from './setup/paths.mjs';
import { step } from './setup/progress.mjs';
import { runForeground, runLogged } from './setup/run.mjs';

const root = join(import.meta.dirname, '..');
const run = (argv, cwd = '/') => spawnSync(argv[0] ?? '', argv.slice(1), { cwd, encoding: 'utf8' });

test('an unknown target is refused with those that exist', () => {
  const { status, stderr } = run([process.execPath, join(root, 'scripts/setup.mjs'), 'tset']);
  assert.equal(status, 1);
  assert.match(stderr, /unknown target "tset"\nUse one of: setup, quickstart, test, failures, lab-ha, bench, check\./);
});

test('the launcher works from any directory and through links, one of them relative', (t) => {
  const dir = join(tempDir(t), 'with space');
  mkdirSync(dir);
  symlinkSync(join(root, 'postern'), join(dir, 'first'));
  symlinkSync('first', join(dir, 'second'));
  const { status, stdout } = run([join(dir, 'second'), '--version']);
  assert.deepEqual({ status, stdout }, { status: 0, stdout: '0.1.0\n' });
});

test('the launcher of a checkout that is not set up says which command to run', (t) => {
  const dir = tempDir(t);
  run(['cp', join(root, 'postern'), dir]);
  const { status, stderr } = spawnSync(join(dir, 'postern'), ['up'], {
    encoding: 'utf8',
    env: { PATH: '/usr/bin:/bin' },
  });
  assert.equal(status, 1);
  assert.match(stderr, new RegExp(`node '${dir}/scripts/setup.mjs' setup`));
});

test('a program is a file that may be run: not a directory, and not just any file', (t) => {
  const dir = tempDir(t);
  writeFileSync(join(dir, 'plain'), '');
  assert.equal(findProgram(join(dir, 'plain')), undefined);
  assert.equal(findProgram(dir), undefined);
  assert.equal(findProgram('no-such-program-anywhere'), undefined);
  assert.ok(findProgram('sh'));
});

test('exit statuses pass through, those of signals as a shell counts them', async () => {
  assert.equal(await runForeground(['sh', '-c', 'exit 7']), 7);
  assert.equal(await runForeground(['sh', '-c', 'kill -TERM $$']), 128 + 15);
});

test('a signal to the set-up reaches what it runs, which decides how to end', async () => {
  const status = runForeground(['sh', '-c', 'trap "exit 9" TERM; kill -TERM $PPID; while :; do sleep 0.02; done']);
  assert.equal(await status, 9);
});

test('a step’s output goes to its log and comes back', async () => {
  const result = await runLogged('setup-test', ['sh', '-c', 'echo out; echo err >&2; exit 3']);
  assert.equal(result.status, 3);
  assert.equal(result.output(), 'out\nerr\n');
});

test('a step returns what its work does, and fails as it fails', async () => {
  assert.equal(await step('quick', async () => 5), 5);
  await assert.rejects(
    step('broken', () => Promise.reject(new Error('no disk'))),
    /no disk/,
  );
});

test('the tests that are said to take long exist, and are begun first', () => {
  const files = ['src/alloc/service.test.ts', ...LONGEST];
  assert.deepEqual(longestFirst(files), [...LONGEST, 'src/alloc/service.test.ts']);
  assert.deepEqual(
    LONGEST.filter((file) => !existsSync(join(root, file))),
    [],
  );
});

test('test files are run in the order given; one that fails, or ends, fails the run', (t) => {
  const dir = tempDir(t);
  const file = (name, text) => {
    writeFileSync(join(dir, name), `import { test } from 'node:test';\n${text}`);
    return join(dir, name);
  };
  const b = file('b.test.mjs', "test('b', () => {});");
  const a = file('a.test.mjs', "test('a', () => {});");
  const ended = file('ended.test.mjs', "test('c', () => process.kill(process.pid, 'SIGKILL'));");
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const runTests = (...files) =>
    spawnSync(nodePath(), [join(root, 'scripts/setup/run-tests.mjs'), '1', '60000', ...files], {
      encoding: 'utf8',
      env,
    });
  const fine = runTests(b, a);
  assert.equal(fine.status, 0);
  assert.match(fine.stdout, /✔ b .*\n✔ a .*\nℹ tests 2\n/);
  assert.equal(runTests(ended, a).status, 1);
});
