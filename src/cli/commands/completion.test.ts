import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runCommand } from '../../host/process.ts';
import { PROGRAM } from '../wiring/defaults.ts';

/** What bash would offer after these words, asked of bash itself. */
async function offered(words: readonly string[]): Promise<readonly string[]> {
  const { stdout: script } = await runCommand([PROGRAM, 'completion', 'bash']);
  const ask = `${script}\nCOMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _postern; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout } = await runCommand(['bash', '-c', ask, 'bash', ...words]);
  return stdout.split('\n').filter((word) => word !== '');
}

test('commands are completed', async () => {
  assert.deepEqual(await offered(['postern', 'qui']), ['quickstart']);
});

test('subcommands and options of a subcommand are completed', async () => {
  assert.deepEqual(await offered(['postern', 'vm', 'rest']), ['restart']);
  assert.deepEqual(await offered(['postern', 'lab', 'up', '--ip']), ['--ip-families']);
});

test('the scripts for zsh and fish name every command', async () => {
  for (const shell of ['zsh', 'fish']) {
    const { stdout } = await runCommand([PROGRAM, 'completion', shell]);
    for (const name of ['up', 'server', 'agent', 'lab', 'vm', 'why', 'image', 'quickstart'])
      assert.match(stdout, new RegExp(`\\b${name}\\b`));
  }
});

test('every command has help with an example', async () => {
  const commands = [
    'up',
    'server',
    'agent',
    'controllers',
    'lab up',
    'lab exec',
    'lab status',
    'lab down',
    'vm restart',
    'vm console',
    'vm exec',
    'why service',
    'proxy',
    'proxy cleanup',
    'l2',
    'dns',
    'vm agent',
    'config check',
    'config schema',
    'config example',
    'l2 status',
    'l2 cleanup',
    'render',
    'top services',
    'image build',
    'image list',
    'image import',
    'store check',
    'store migrate',
    'backup',
    'restore',
    'quickstart',
    'completion',
  ];
  for (const command of commands) {
    const { stdout } = await runCommand([PROGRAM, ...command.split(' '), '--help']);
    assert.match(stdout, /Examples?:\n/, command);
  }
});

test('a reader that has read enough is no error', async () => {
  const { stderr } = await runCommand(['bash', '-c', '"$0" --help | true; "$0" server | true', PROGRAM]);
  assert.doesNotMatch(stderr, /EPIPE|\n\s+at /);
});
