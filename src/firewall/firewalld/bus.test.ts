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

test('a call on a connection that is gone is refused at once', async (t) => {
  // As much of a bus as says hello, in little-endian: https://dbus.freedesktop.org/doc/dbus-specification.html#message-protocol-messages
  await standIn(t, (socket) => {
    let saidHello = false;
    socket.on('data', (data) => {
      if (data.includes('AUTH')) socket.write('OK 0123\r\n');
      const at = data.lastIndexOf('l\x01');
      if (saidHello || at < 0) return;
      saidHello = true;
      socket.write(helloReply(data.readUInt32LE(at + 8)));
    });
  });
  const bus = await openSystemBus({ connect: 5_000, call: 50 });
  const call = { destination: 'a.b', path: '/a', interface: 'a.b', member: 'C' };
  await assert.rejects(bus.call(call), /a\.b\.C: no answer within 50 ms/);
  bus.close();
  assert.ok(bus.lost.aborted);
  await assert.rejects(bus.call(call), /the connection was closed/);
});

/** A method return whose body is the string `:1.1`. */
function helloReply(serial: number): Buffer {
  const body = Buffer.from('\x04\0\0\0:1.1\0', 'latin1');
  const replySerial = Buffer.from('\x05\x01u\0\0\0\0\0', 'latin1');
  replySerial.writeUInt32LE(serial, 4);
  const fields = Buffer.concat([replySerial, Buffer.from('\x08\x01g\0\x01s\0', 'latin1')]);
  const header = Buffer.alloc(16);
  header.write('l\x02\0\x01', 'latin1');
  header.writeUInt32LE(body.length, 4);
  header.writeUInt32LE(1, 8);
  header.writeUInt32LE(fields.length, 12);
  return Buffer.concat([header, fields, Buffer.alloc((8 - (fields.length % 8)) % 8), body]);
}
