import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { QmpClient, QmpError, type QmpEvent } from './client.ts';

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const undo of cleanUp.splice(0).reverse()) undo();
});

/** A QEMU that answers as told; `capabilities` are negotiated by itself. */
async function fakeQemu(answer: (command: string, id: number, socket: Socket) => void): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'postern-qmp-'));
  const path = join(root, 'qmp.sock');
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.write('{"QMP": {"version": {}, "capabilities": []}}\r\n');
    socket.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.split('\n').filter(Boolean)) {
        const { execute, id } = JSON.parse(line) as { execute: string; id: number };
        if (execute === 'qmp_capabilities') socket.write(`{"return": {}, "id": ${id}}\r\n`);
        else answer(execute, id, socket);
      }
    });
  });
  cleanUp.push(() => {
    server.close();
    rmSync(root, { recursive: true, force: true });
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

async function connected(path: string, onEvent: (event: QmpEvent) => void = () => {}): Promise<QmpClient> {
  const client = await QmpClient.connect(path, onEvent);
  cleanUp.push(() => client.close());
  return client;
}

test('answers find their commands, whatever their order', async () => {
  const held: string[] = [];
  const path = await fakeQemu((command, id, socket) => {
    held.unshift(`{"return": "${command}", "id": ${id}}\r\n`);
    if (held.length === 2) socket.write(held.join(''));
  });
  const client = await connected(path);
  assert.deepEqual(await Promise.all([client.execute('a'), client.execute('b')]), ['a', 'b']);
});

test('a refusal tells the command and what QEMU said', async () => {
  const path = await fakeQemu((_, id, socket) =>
    socket.write(`{"error": {"class": "GenericError", "desc": "no"}, "id": ${id}}\n`),
  );
  const client = await connected(path);
  await assert.rejects(
    client.execute('quit'),
    (error: unknown) => error instanceof QmpError && error.message === 'QMP quit: no',
  );
});

test('events are told even when they come in pieces', async () => {
  const path = await fakeQemu((_, id, socket) => {
    socket.write('{"event": "SHUT');
    setImmediate(() => socket.write(`DOWN", "data": {"guest": true}}\n{"return": {}, "id": ${id}}\n`));
  });
  const events: QmpEvent[] = [];
  const client = await connected(path, (event) => events.push(event));
  await client.execute('x');
  assert.deepEqual(events, [{ event: 'SHUTDOWN', data: { guest: true } }]);
});

test('a command that is not answered in time fails, and those that wait when QEMU goes away fail at once', async () => {
  const path = await fakeQemu((command, _, socket) => {
    if (command === 'die') socket.destroy();
  });
  const client = await connected(path);
  await assert.rejects(client.execute('slow', undefined, { timeout: 20 }), /QMP slow: no answer within 20 ms/);
  await assert.rejects(client.execute('die'), /gone away/);
  await client.closed;
  await assert.rejects(client.execute('late'), /gone away/);
});

test('what does not speak the protocol, or never ends a line, is hung up on', async () => {
  for (const nonsense of ['hello\n', `{${' '.repeat(2 ** 21)}`]) {
    const client = await connected(await fakeQemu((_, __, socket) => socket.write(nonsense)));
    await assert.rejects(client.execute('x'), /gone away/);
  }
});
