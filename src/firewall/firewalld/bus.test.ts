import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { openSystemBus } from './bus.ts';

/** Something on the address of the system's bus that does with each connection what it is told. */
async function standIn(t: TestContext, serve: (socket: Socket) => void): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-bus-'));
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on('error', () => {}));
    serve(socket);
  }).listen(join(dir, 'bus'));
  const before = process.env['DBUS_SYSTEM_BUS_ADDRESS'];
  process.env['DBUS_SYSTEM_BUS_ADDRESS'] = `unix:path=${join(dir, 'bus')}`;
  t.after(() => {
    if (before === undefined) delete process.env['DBUS_SYSTEM_BUS_ADDRESS'];
    else process.env['DBUS_SYSTEM_BUS_ADDRESS'] = before;
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(dir, { recursive: true });
  });
  await once(server, 'listening');
}

const LIMITS = { connect: 50, call: 50 };

test('a bus that is not there is an error that says so', async (t) => {
  await standIn(t, () => {});
  process.env['DBUS_SYSTEM_BUS_ADDRESS'] = 'unix:path=/nonexistent/bus';
  await assert.rejects(openSystemBus(), { name: 'BusError', message: /D-Bus: .*ENOENT/ });
});

test('one that says nothing is waited for no longer than the limit', async (t) => {
  await standIn(t, (socket) => socket.resume());
  await assert.rejects(openSystemBus(LIMITS), /D-Bus: hello: no answer within 50 ms/);
});

test('one that refuses us is an error', async (t) => {
  await standIn(t, (socket) => {
    socket.once('data', () => socket.write('REJECTED ANONYMOUS\r\n'.repeat(8)));
  });
  await assert.rejects(openSystemBus({ ...LIMITS, connect: 5_000 }), /D-Bus: authentication failed: REJECTED/);
});

test('one that hangs up is an error, not a wait', async (t) => {
  await standIn(t, (socket) => socket.end());
  await assert.rejects(openSystemBus({ ...LIMITS, connect: 5_000 }), /D-Bus: .*(ended|EPIPE|ECONNRESET)/);
});
