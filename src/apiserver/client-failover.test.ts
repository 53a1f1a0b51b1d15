/** The HTTP client and servers of HTTP/2 that fail it: what is asked again, and what is not. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { constants, createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import type { TLSSocket } from 'node:tls';
import { promisify } from 'node:util';
import { Lease } from '../api/coordination/v1/lease.ts';
import { TransportError } from '../client/client.ts';
import { createClient } from '../client/http-client.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

let api: TestServer;
const ends: (() => void)[] = [];
before(async () => {
  api = await startTestServer();
});
after(async () => {
  for (const end of ends) end();
  await api?.close();
});

type Answer = (request: Http2ServerRequest, response: Http2ServerResponse, fake: Fake) => void;

interface Fake {
  readonly url: string;
  readonly asked: string[];
  readonly sockets: Set<TLSSocket>;
  answer: Answer;
  stopListening(): void;
}

const ok: Answer = (_, response) => response.end('{"metadata":{"name":"a"}}');
/** Says that it lives and nothing else. */
const onlyWatches: Answer = ({ url }, response) => {
  if (url.includes('watch')) response.stream.respond({ ':status': 200 });
};
const cut: Answer = (_request, _response, { sockets }) => {
  for (const socket of sockets) socket.destroy();
};

/** A server whose every request is answered by `answer`, which may be changed. */
async function fake(answer: Answer, settings: { readonly maxConcurrentStreams?: number } = {}): Promise<Fake> {
  const { certificate: cert, key } = api.pki.serving;
  const server = createSecureServer({ cert, key, settings });
  const sockets = new Set<TLSSocket>();
  server.on('secureConnection', (socket: TLSSocket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
  });
  server.on('sessionError', () => {});
  server.on('request', (request, response) => {
    request.stream.on('error', () => {});
    if (!/z$/.test(request.url)) made.asked.push(`${request.method} ${request.url}`);
    made.answer(request, response, made);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const made: Fake = { url, asked: [], sockets, answer, stopListening: () => server.close() };
  ends.push(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return made;
}

function clientOf([server, ...others]: readonly Fake[]) {
  const client = createClient({
    server: server?.url ?? '',
    otherServers: others.map(({ url }) => url),
    caData: api.pki.caCertificate,
    clientCertificate: api.admin.certificate,
    clientKey: api.admin.key,
  });
  ends.push(() => client.close());
  return client;
}

const key = { namespace: 'default', name: 'a' };
const lease: Lease = { apiVersion: Lease.apiVersion, kind: Lease.kind, metadata: key };

test('a read whose connection broke is repeated, and a write is not: nobody knows whether it was done', async () => {
  const [first, second] = [await fake(ok), await fake(ok)];
  const client = clientOf([first, second]);
  await client.get(Lease, key);
  first.answer = cut;
  await assert.rejects(client.create(Lease, lease), TransportError);
  assert.deepEqual([first.asked.length, second.asked.length], [2, 0]);
  const read = client.get(Lease, key);
  first.answer = (...args) => {
    first.answer = ok;
    cut(...args);
  };
  await read;
  assert.equal(first.asked.length + second.asked.length, 4);
});

test('of a single server, a read is asked for again when its connection was closed', async () => {
  const only = await fake(ok);
  const client = clientOf([only]);
  await client.get(Lease, key);
  only.answer = (...args) => {
    only.answer = ok;
    cut(...args);
  };
  await client.get(Lease, key);
  assert.equal(only.asked.length, 3);
});

test('a write that the server did not look at, as it was about to end the connection, is made of another', async () => {
  const [first, second] = [await fake(ok), await fake(ok)];
  const client = clientOf([first, second]);
  await client.get(Lease, key);
  first.answer = ({ stream }) => stream.close(constants.NGHTTP2_REFUSED_STREAM);
  await client.create(Lease, lease);
  assert.deepEqual([first.asked.length, second.asked.length], [2, 1]);
});

test('a server that falls silent is left, with all that waits and follows', async () => {
  const [first, second] = [await fake(onlyWatches), await fake(ok)];
  const client = clientOf([first, second]);
  const watch = (async () => {
    for await (const _ of client.watch(Lease, { resourceVersion: '3' }, new AbortController().signal)) break;
  })();
  const watched = assert.rejects(watch, /has fallen silent/);
  // More than are asked at a time.
  await Promise.all(Array.from({ length: 20 }, () => client.get(Lease, key)));
  await watched;
  assert.equal(second.asked.length, 20);
});

test('the answer to a write is still heard from a server that takes no more requests', async () => {
  const written = Promise.withResolvers<Http2ServerResponse>();
  const [first, second] = [await fake((_, response) => written.resolve(response)), await fake(ok)];
  const client = clientOf([first, second]);
  const write = client.create(Lease, lease);
  const response = await written.promise;
  first.answer = (_, refused) => {
    refused.statusCode = 503;
    refused.end(JSON.stringify({ kind: 'Status', code: 503, reason: 'Ending', message: 'ending' }));
  };
  await client.get(Lease, key);
  assert.equal(second.asked.length, 1);
  response.end('{"metadata":{"name":"b"}}');
  assert.equal((await write).metadata.name, 'b');
});

test('many watches leave room for requests: they go on further connections', async () => {
  const only = await fake((request, response) =>
    (request.url.includes('watch') ? onlyWatches : ok)(request, response, only),
  );
  const client = clientOf([only]);
  const ending = new AbortController();
  for (let i = 0; i < 170; i++)
    void client.watch(Lease, { resourceVersion: '1' }, ending.signal)[Symbol.asyncIterator]().next();
  await client.create(Lease, lease);
  while (only.asked.length < 171) await new Promise((resolve) => setImmediate(resolve));
  await client.get(Lease, key);
  assert.equal(only.sockets.size, 3);
  ending.abort();
});

test('a program that asked, and waits for nothing more, ends', async () => {
  const endpoint = {
    server: `https://127.0.0.1:${api.server.port}`,
    caData: api.pki.caCertificate,
    clientCertificate: api.admin.certificate,
    clientKey: api.admin.key,
  };
  const program = `
    const { createClient } = await import(process.env.CLIENT);
    console.log((await createClient(JSON.parse(process.env.ENDPOINT)).raw('GET', '/version')).gitVersion);
  `;
  const CLIENT = new URL('../client/http-client.ts', import.meta.url).href;
  const env = { ...process.env, ENDPOINT: JSON.stringify(endpoint), CLIENT };
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', program], {
    env,
    timeout: 60_000,
  });
  assert.match(stdout, /^v1/);
});
