import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { CommandError, runCommand, signalChild } from './process.ts';

test('a program reads its input, whole or in pieces', async () => {
  assert.equal((await runCommand(['cat'], { input: 'a text' })).stdout, 'a text');
  const pieces = Array.from({ length: 100 }, (_, i) => `${i}\n`.repeat(1000));
  assert.equal((await runCommand(['cat'], { input: pieces })).stdout, pieces.join(''));
  assert.equal((await runCommand(['cat'])).stdout, '');
});

test('a program that does not read its input fails by its own status', async () => {
  function* endless() {
    for (;;) yield 'more\n'.repeat(10_000);
  }
  await assert.rejects(runCommand(['false'], { input: endless() }), (error) => {
    return error instanceof CommandError && error.code === 1;
  });
});

test('what a program prints is given piece by piece to who asks for it', async () => {
  let length = 0;
  const { stdout } = await runCommand(['head', '-c', '20000000', '/dev/zero'], {
    onOutput: (text) => {
      length += text.length;
    },
  });
  assert.deepEqual([length, stdout], [20_000_000, '']);
});

test('what could not be started gets no signal: nor does whoever has the number that stands in its place', async () => {
  const child = spawn('/nowhere/to/be/found');
  const failed = once(child, 'error');
  const sent: unknown[] = [];
  child.kill = (signal?: unknown) => sent.push(signal) > 0;
  signalChild(child, 'SIGTERM');
  await failed;
  assert.deepEqual(sent, []);
});
