import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { libcSocket } from './libc-socket.ts';

test('a thread that fails leaves none of its sockets open, but for what it has handed over', async () => {
  const libc = await libcSocket(); // What a thread loads first is unloaded with it.
  const worker = new Worker(new URL('./libc-socket.fixture.ts', import.meta.url), { execArgv: [] });
  const [fds] = await once(worker, 'message');
  const [kept, handedOver] = fds.map(openFile);
  for (const socket of [kept, handedOver]) assert.match(socket ?? '', /^socket:/);
  const failed = once(worker, 'error');
  const ended = new Promise<void>((resolve) => worker.once('exit', () => resolve()));
  worker.postMessage('fail');
  await Promise.all([failed, ended]);
  assert.notEqual(openFile(fds[0]), kept);
  assert.equal(openFile(fds[1]), handedOver);
  libc.close(fds[1]);
});

/** What a descriptor of this process leads to; undefined when it is not open. */
function openFile(fd: number): string | undefined {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return undefined; // There is no other reason than that.
  }
}
