import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Answer, listenHTTP } from './listen.ts';

const HELLO: Answer = { code: 503, headers: { 'Content-Type': 'application/json', 'X-Weight': '3' }, body: '{}\n' };
const open = () => listenHTTP({ address: '127.0.0.1', port: 0 }, (path) => (path === '/there' ? HELLO : undefined));

/** A connection whose end is no error, however it comes. */
function client(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  return socket.resume();
}

const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

test('answers GET with what it is told, whatever the query, and HEAD without the body', async () => {
  const { port, close } = await open();
  const at = `http://127.0.0.1:${port}`;
  const got = await fetch(`${at}/there?x=1`);
  assert.deepEqual([got.status, got.headers.get('x-weight'), await got.text()], [503, '3', '{}\n']);
  const head = await fetch(`${at}/there`, { method: 'HEAD' });
  assert.deepEqual([head.status, head.headers.get('content-length'), await head.text()], [503, '3', '']);
  assert.equal((await fetch(`${at}/elsewhere`)).status, 404);
  const post = await fetch(`${at}/there`, { method: 'POST', body: 'x'.repeat(10_000) });
  assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD']);
  await close();
});

test('all addresses are those of both families', async () => {
  const { port, close } = await listenHTTP({ address: '::', port: 0 }, () => HELLO);
  for (const host of ['127.0.0.1', '[::1]']) assert.equal((await fetch(`http://${host}:${port}/`)).status, 503);
  await close();
});

test('a unix socket where another program answers stays that program’s', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pst-listen-'));
  const at = { address: join(dir, 'l2.sock'), port: 0 };
  const first = await listenHTTP(at, () => HELLO);
  await assert.rejects(
    listenHTTP(at, () => undefined),
    { code: 'EADDRINUSE' },
  );
  const [response] = await once(get({ socketPath: at.address, path: '/' }), 'response');
  assert.equal(response.statusCode, 503);
  response.resume();
  await first.close();
  rmSync(dir, { recursive: true });
});

test('answers on a unix socket, for its owner alone, in place of one that a killed run left', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'pst-listen-'));
  const at = { address: join(dir, 'proxy.sock'), port: 0 };
  const killed = `require('net').createServer().listen(${JSON.stringify(at.address)}, () => process.kill(process.pid, 9))`;
  spawnSync(process.execPath, ['-e', killed]);
  assert(statSync(at.address).isSocket());
  const { close } = await listenHTTP(at, () => HELLO);
  assert.equal(statSync(at.address).mode & 0o777, 0o600);
  const [response] = await once(get({ socketPath: at.address, path: '/' }), 'response');
  assert.equal(response.statusCode, 503);
  response.resume();
  await close();
  assert.equal(existsSync(at.address), false);
  writeFileSync(at.address, 'somebody’s');
  await assert.rejects(
    listenHTTP(at, () => HELLO),
    { code: 'EADDRINUSE' },
  );
  rmSync(dir, { recursive: true });
});

test('answers that take time, and says why one failed', async () => {
  const { port, close } = await listenHTTP({ address: '127.0.0.1', port: 0 }, async (path) => {
    if (path === '/there') return HELLO;
    throw new Error('out of order');
  });
  assert.equal((await fetch(`http://127.0.0.1:${port}/there`)).status, 503);
  const wrong = await fetch(`http://127.0.0.1:${port}/elsewhere`);
  assert.deepEqual([wrong.status, await wrong.text()], [500, 'Error: out of order\n']);
  await close();
});

test('hangs up on what is no HTTP and on headers without end', async () => {
  const { port, close } = await open();
  for (const text of ['\0\0\0\0\r\n\r\n', `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}`]) {
    const socket = client(port);
    socket.write(text);
    await closed(socket);
  }
  assert.equal((await fetch(`http://127.0.0.1:${port}/there`)).status, 503);
  await close();
});

test('takes no more connections than it has room for', async () => {
  const { port, close } = await open();
  const sockets = Array.from({ length: 128 }, () => client(port));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  const late = client(port);
  let heard = 0;
  late.on('data', ({ length }) => {
    heard += length;
  });
  late.write('GET /there HTTP/1.1\r\nHost: node\r\n\r\n');
  await closed(late);
  assert.equal(heard, 0);
  await Promise.all([close(), ...sockets.map(closed)]);
});

test('says why it cannot listen, and ends with its connections', async () => {
  const { port, close } = await open();
  await assert.rejects(
    listenHTTP({ address: '127.0.0.1', port }, () => HELLO),
    { code: 'EADDRINUSE' },
  );
  const socket = client(port);
  await once(socket, 'connect');
  await Promise.all([close(), closed(socket)]);
});
