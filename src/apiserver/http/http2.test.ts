import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type ClientHttp2Session, type ClientHttp2Stream, connect, constants } from 'node:http2';
import { connect as connectTCP } from 'node:net';
import { after, before, test } from 'node:test';
import { connect as connectTLS } from 'node:tls';
import { type Json, LEASES, lease, startTestServer, type TestServer } from '../testing/server.ts';

let api: TestServer;
let session: ClientHttp2Session;
before(async () => {
  api = await startTestServer();
  session = open();
});
after(async () => {
  session?.destroy();
  await api?.close();
});

function open(): ClientHttp2Session {
  const { certificate: cert, key } = api.admin;
  const made = connect(`https://127.0.0.1:${api.server.port}`, {
    ...{ ca: api.pki.caCertificate, cert, key },
    ALPNProtocols: ['h2'],
  });
  made.on('error', () => {});
  return made;
}

interface Answer {
  readonly code: number;
  readonly body: Json;
}

async function call(method: string, path: string, body?: unknown): Promise<Answer> {
  const payload = body === undefined ? undefined : JSON.stringify(body);
  const type = payload === undefined ? {} : { 'content-type': 'application/json' };
  const stream = session.request({ ':method': method, ':path': path, ...type }, { endStream: payload === undefined });
  if (payload !== undefined) stream.end(payload);
  const [headers] = await once(stream, 'response');
  const text = await readAll(stream);
  return { code: headers[':status'], body: text === '' ? undefined : JSON.parse(text) };
}

async function readAll(stream: ClientHttp2Stream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

/** The next line of a watch. */
async function nextLine(stream: ClientHttp2Stream): Promise<Json> {
  const [chunk] = await once(stream, 'data');
  return JSON.parse(String(chunk).split('\n')[0] ?? '');
}

test('objects are made, read, listed and deleted over one connection, whose certificate says who asks', async () => {
  const made = await call('POST', LEASES, lease('two'));
  assert.equal(made.code, 201);
  assert.equal((await call('GET', `${LEASES}/two`)).body.metadata.uid, made.body.metadata.uid);
  assert.equal((await call('GET', LEASES)).body.items.length, 1);
  assert.equal((await call('DELETE', `${LEASES}/two`)).code, 200);
  assert.equal((await call('GET', `${LEASES}/two`)).code, 404);
});

test('watches share the connection with requests, and end with the client that leaves', async () => {
  const watches = Array.from({ length: 5 }, () => session.request({ ':path': `${LEASES}?watch=true` }));
  await Promise.all(watches.map((watch) => once(watch, 'response')));
  const lines = watches.map(nextLine);
  await call('POST', LEASES, lease('seen'));
  for (const line of await Promise.all(lines)) assert.equal(line.object.metadata.name, 'seen');
  for (const watch of watches) watch.close(constants.NGHTTP2_CANCEL);
  await Promise.all(watches.map((watch) => (watch.closed ? undefined : once(watch, 'close'))));
  assert.equal((await call('DELETE', `${LEASES}/seen`)).code, 200);
});

test('a body that is too large, or that is never sent, keeps nobody else from being served', async () => {
  const large = session.request({ ':method': 'POST', ':path': LEASES, 'content-type': 'application/json' });
  large.on('error', () => {});
  large.write('x'.repeat(100));
  const declared = session.request({
    ...{ ':method': 'POST', ':path': LEASES },
    ...{ 'content-type': 'application/json', 'content-length': String(10 ** 9) },
  });
  declared.on('error', () => {});
  const [headers] = await once(declared, 'response');
  assert.equal(headers[':status'], 413);
  assert.equal((await call('GET', '/version')).code, 200);
  large.close();
  declared.close();
});

test('a long list that is not read yet keeps no other request of its connection waiting', async () => {
  const large = 'x'.repeat(200_000);
  for (let i = 0; i < 100; i++) {
    await api.call('POST', LEASES, { body: lease(`large${i}`, { metadata: { annotations: { large } } }) });
  }
  const list = session.request({ ':path': LEASES });
  list.pause();
  await once(list, 'response');
  assert.equal((await call('GET', '/version')).code, 200);
  list.close();
});

test('a client that offers HTTP/1.1 as well is served by that, and one that offers neither is refused', async () => {
  const chosen = (ALPNProtocols: string[]) =>
    new Promise<string>((resolve) => {
      const socket = connectTLS({ host: '127.0.0.1', port: api.server.port, ca: api.pki.caCertificate, ALPNProtocols });
      socket.once('secureConnect', () => {
        resolve(String(socket.alpnProtocol));
        socket.destroy();
      });
      socket.once('error', () => resolve('refused'));
    });
  assert.equal(await chosen(['h2', 'http/1.1']), 'http/1.1');
  assert.equal(await chosen(['h2']), 'h2');
  assert.equal(await chosen([]), 'false');
  assert.equal(await chosen(['spdy/1']), 'refused');
});

test('a server that closes ends watches, and then the connection', async () => {
  const other = await startTestServer();
  const { certificate: cert, key } = other.admin;
  const client = connect(`https://127.0.0.1:${other.server.port}`, {
    ...{ ca: other.pki.caCertificate, cert, key },
    ALPNProtocols: ['h2'],
  });
  client.on('error', () => {});
  const watch = client.request({ ':path': `${LEASES}?watch=true` });
  watch.on('error', () => {});
  await once(watch, 'response');
  const ended = once(watch.resume(), 'end');
  const closed = once(client, 'close');
  await other.close();
  await Promise.all([ended, closed]);
});

test('a server that ends does not wait for connections that have not come to their first request', async () => {
  const other = await startTestServer();
  const { port } = other.server;
  const silent = connectTCP(port, '127.0.0.1');
  const greeted = connectTLS({ port, host: '127.0.0.1', ca: other.pki.caCertificate, ALPNProtocols: ['h2'] });
  const ends = [silent, greeted].map((socket) => {
    socket.on('error', () => {}).resume();
    return once(socket, 'close');
  });
  await Promise.all([once(silent, 'connect'), once(greeted, 'secureConnect')]);
  await other.close();
  await Promise.all(ends);
});
