import assert from 'node:assert/strict';
import { once } from 'node:events';
import { stat } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { connectHeard } from './heard-socket.ts';

/** Says something and resets the connection, when told to; then tells by `shared` that it has. */
const SERVER = `
const { parentPort, workerData: shared } = require('node:worker_threads');
const server = require('node:net').createServer((socket) => {
  parentPort.once('message', () => socket.write('last words', () => {
    socket.resetAndDestroy();
    server.close();
    Atomics.store(shared, 0, 1);
    Atomics.notify(shared, 0);
  }));
  parentPort.postMessage(0);
}).listen(0, '127.0.0.1', () => parentPort.postMessage(server.address().port));
`;

test('what the other side said before it closed is heard, also by who writes to it at that moment', async () => {
  const shared = new Int32Array(new SharedArrayBuffer(4));
  const server = new Worker(SERVER, { eval: true, workerData: shared });
  const [port] = (await once(server, 'message')) as [number];
  const socket = connectHeard({ host: '127.0.0.1', port });
  await Promise.all([once(socket, 'connect'), once(server, 'message')]);
  let heard = '';
  socket.on('data', (bytes: Buffer) => {
    heard += bytes.toString();
  });
  socket.on('error', () => {});
  const closed = new Promise((resolve) => socket.once('close', resolve));
  // In a callback of the loop, so that nothing is read between the other side's end and what is written after it.
  stat('/', () => {
    server.postMessage('end');
    Atomics.wait(shared, 0, 0, 10_000);
    socket.write('one');
    socket.write('two');
    socket.write('three');
  });
  await closed;
  assert.equal(heard, 'last words');
  await server.terminate();
});
