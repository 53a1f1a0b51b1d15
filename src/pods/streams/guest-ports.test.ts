import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { after, before, test } from 'node:test';
import { SpdySession } from '../../host/spdy/session.ts';
import { serveGuestPorts } from './guest-ports.ts';

let guest: Server;
let port: number;
const sockets = new Set<Socket>();
before(async () => {
  // Answers only when it has heard all: both directions must end by themselves.
  guest = createServer({ allowHalfOpen: true }, async (socket) => {
    sockets.add(socket);
    socket.end(`heard ${await text(socket)}`);
  });
  await new Promise<void>((resolve) => guest.listen(0, '127.0.0.1', resolve));
  port = (guest.address() as { port: number }).port;
});
after(() => {
  for (const socket of sockets) socket.destroy();
  guest.close();
});

async function text(stream: Duplex): Promise<string> {
  let all = '';
  for await (const chunk of stream) all += String(chunk);
  return all;
}

/** What kubectl opens for a connection: what it heard, and why it could not be made. */
async function ask(session: SpdySession, id: string, to: number, say: string) {
  const headers = { port: String(to), requestid: id };
  const error = await session.open({ ...headers, streamtype: 'error' });
  error.end();
  const data = await session.open({ ...headers, streamtype: 'data' });
  data.end(say);
  const [heard, why] = await Promise.all([text(data).catch(() => 'cut off'), text(error)]);
  return { heard, why };
}

test('connections to a guest are made side by side, and those that cannot be made say why', async () => {
  const [a, b] = duplexPair();
  // The first address takes no connections: the next is tried.
  const over = serveGuestPorts(b, ['127.0.0.2', '127.0.0.1']);
  const session = new SpdySession(a, { role: 'client' });
  const answers = await Promise.all(['0', '1', '2'].map((id) => ask(session, id, port, `from ${id}`)));
  assert.deepEqual(
    answers,
    ['0', '1', '2'].map((id) => ({ heard: `heard from ${id}`, why: '' })),
  );
  const closed = await ask(session, '3', 1, 'x');
  assert.match(closed.why, /^error forwarding port 1 to the virtual machine: connect ECONNREFUSED/);
  assert.match((await ask(session, '4', 70_000, 'x')).why, /a port is a number from 1 to 65535/);
  session.close();
  await over;
});

test('a guest without an address says so', async () => {
  const [a, b] = duplexPair();
  void serveGuestPorts(b, []);
  const session = new SpdySession(a, { role: 'client' });
  assert.match((await ask(session, '0', 80, 'x')).why, /it has no address yet/);
  session.destroy();
});
