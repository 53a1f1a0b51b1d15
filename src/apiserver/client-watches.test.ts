/** The HTTP client: how its watches and requests share a connection to the real server, and go without where they cannot. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer as createHTTPS } from 'node:https';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { type Client, TransportError } from '../client/client.ts';
import { createClient } from '../client/http-client.ts';
import { startTestServer, type TestServer } from './testing/server.ts';

let api: TestServer;
/** What stands between, and counts. */
let relay: Server;
const sockets = new Set<Socket>();
before(async () => {
  api = await startTestServer();
  relay = createServer((near) => {
    const far = connect(api.server.port, '127.0.0.1');
    sockets.add(near);
    near.once('close', () => {
      sockets.delete(near);
      far.destroy();
    });
    for (const socket of [near, far]) socket.on('error', () => {});
    near.pipe(far).pipe(near);
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
});
after(async () => {
  for (const socket of sockets) socket.destroy();
  relay?.close();
  await api?.close();
});

function clientAt(server: Server): Client & { close(): void } {
  return createClient({
    server: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    caData: api.pki.caCertificate,
    clientCertificate: api.admin.certificate,
    clientKey: api.admin.key,
  });
}

const lease = (name: string): Lease => ({
  apiVersion: Lease.apiVersion,
  kind: Lease.kind,
  metadata: { name, namespace: 'default' },
});

/** The names that a watch tells, once it has told so many. */
async function names(client: Client, from: string, count: number, signal: AbortSignal): Promise<readonly string[]> {
  const told: string[] = [];
  for await (const event of client.watch(Lease, { resourceVersion: from }, signal)) {
    if (event.type !== 'BOOKMARK') told.push(event.object.metadata.name ?? '');
    if (told.length === count) break;
  }
  return told;
}

test('twenty watches and the requests beside them are one connection, which stays for more when they end', async () => {
  const client = clientAt(relay);
  const ending = new AbortController();
  const { resourceVersion } = await client.list(Lease);
  assert.equal(sockets.size, 1);
  const told = Array.from({ length: 20 }, () => names(client, resourceVersion, 2, ending.signal));
  await client.create(Lease, lease('one'));
  await client.create(Lease, lease('two'));
  for (const each of await Promise.all(told)) assert.deepEqual(each, ['one', 'two']);
  assert.equal(sockets.size, 1);
  assert.deepEqual(await names(client, resourceVersion, 1, ending.signal), ['one']);
  assert.equal(sockets.size, 1);
  client.close();
});

test('a connection that breaks ends every watch on it with an error, and the next watch makes a new one', async () => {
  const client = clientAt(relay);
  const ending = new AbortController();
  const { resourceVersion } = await client.list(Lease);
  await client.create(Lease, lease('three'));
  const watches = [1, 2].map(() => client.watch(Lease, { resourceVersion }, ending.signal)[Symbol.asyncIterator]());
  for (const watch of watches) assert.equal((await watch.next()).done, false);
  const failed = watches.map((watch) => assert.rejects(async () => watch.next(), TransportError));
  for (const socket of sockets) socket.destroy();
  await Promise.all(failed);
  assert.deepEqual(await names(client, resourceVersion, 1, ending.signal), ['three']);
  client.close();
});

test('requests share the connection while they are few; many are given another', async () => {
  const client = clientAt(relay);
  const { resourceVersion } = await client.list(Lease);
  const watching = names(client, resourceVersion, 1, new AbortController().signal);
  const before = sockets.size;
  for (let i = 0; i < 20; i++) await client.raw('GET', '/version');
  assert.equal(sockets.size, before);
  for (let i = 0; i < 20; i++) await Promise.all([1, 2, 3, 4].map(() => client.raw('GET', '/version')));
  assert.ok(sockets.size > before && sockets.size <= before + 4, `${sockets.size - before} more`);
  await client.create(Lease, lease('shared'));
  assert.deepEqual(await watching, ['shared']);
  client.close();
});

test('a watch that is given up ends alone', async () => {
  const client = clientAt(relay);
  const [one, other] = [new AbortController(), new AbortController()];
  const { resourceVersion } = await client.list(Lease);
  const given = names(client, resourceVersion, 1, one.signal);
  const kept = names(client, resourceVersion, 1, other.signal);
  one.abort();
  assert.deepEqual(await given, []);
  await client.create(Lease, lease('four'));
  assert.deepEqual(await kept, ['four']);
  client.close();
});

test('where only HTTP/1.1 is spoken, each watch has a connection of its own', async () => {
  const line = JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'old', resourceVersion: '7' } } });
  const { certificate: cert, key } = api.pki.serving;
  const server = createHTTPS({ cert, key, ALPNProtocols: ['http/1.1'] }, (_, response) => response.write(`${line}\n`));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = clientAt(server);
  const ending = new AbortController();
  const told = await Promise.all([1, 2].map(() => names(client, '1', 1, ending.signal)));
  assert.deepEqual(told, [['old'], ['old']]);
  client.close();
  server.closeAllConnections();
  server.close();
});
