import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { after, before, test } from 'node:test';
import { ApiError } from '../api/status.ts';
import { type Endpoint, TransportError } from './client.ts';
import { openLines, openUpgraded } from './upgrade.ts';

const forever = new AbortController().signal;
let server: Server;
let endpoint: Endpoint;
const tokens: unknown[] = [];
before(async () => {
  server = createServer((request, response) => {
    tokens.push(request.headers.authorization);
    if (request.url === '/refused') {
      const status = {
        kind: 'Status',
        apiVersion: 'v1',
        metadata: {},
        status: 'Failure',
        reason: 'Forbidden',
        code: 403,
      };
      response.writeHead(403).end(JSON.stringify({ ...status, message: 'no' }));
    } else if (request.url === '/long') response.end(`{"a":"${'x'.repeat(100_000)}"}\n`);
    else response.end('{"id":"1"}\n\n{"id":"2"}\n');
  });
  server.on('upgrade', (_, socket: Duplex) => {
    socket.write('HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: postern-stream\r\n\r\nat once');
    socket.on('data', (data) => socket.write(data)).on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  endpoint = { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, token: 't' };
});
after(() => {
  server.close();
  server.closeAllConnections();
});

test('lines come as they are, with the token that was given, and none that is too long', async () => {
  const lines: unknown[] = [];
  for await (const line of await openLines(endpoint, '/lines', forever)) lines.push(line);
  assert.deepEqual(lines, [{ id: '1' }, { id: '2' }]);
  assert.equal(tokens.at(-1), 'Bearer t');
  await assert.rejects(async () => {
    for await (const _ of await openLines(endpoint, '/long', forever));
  }, /longer than 65536 bytes/);
});

test('a connection is handed over with what came on it at once, and stays when its asking is given up later', async () => {
  const asking = new AbortController();
  const socket = await openUpgraded(endpoint, '/stream', 'postern-stream', asking.signal);
  asking.abort();
  socket.write(' and later');
  let heard = '';
  for await (const chunk of socket) {
    heard += String(chunk);
    if (heard.length >= 17) break;
  }
  assert.equal(heard, 'at once and later');
});

test('what the server refuses is an answer of the API, and all else is the connection’s', async () => {
  await assert.rejects(
    openLines(endpoint, '/refused', forever),
    (error) => error instanceof ApiError && error.code === 403,
  );
  await assert.rejects(openLines(endpoint, '/stream', AbortSignal.abort()), TransportError);
  const nowhere = { server: 'http://127.0.0.1:1' };
  await assert.rejects(
    openUpgraded(nowhere, '/', 'x', forever),
    /cannot talk to the API server at http:\/\/127.0.0.1:1/,
  );
});
