import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { Lease } from '../api/coordination/v1/lease.ts';
import { Service } from '../api/core/v1/service.ts';
import { ApiError, isExpired } from '../api/status.ts';
import { type Endpoint, TransportError } from './client.ts';
import { createClient } from './http-client.ts';
import { jsonLines } from './json-lines.ts';

/** A client of a server that answers as told, and what that server was asked. */
async function setup(
  answer: (request: IncomingMessage, response: ServerResponse, body: string) => void,
  more: Partial<Endpoint> = {},
) {
  const asked: { method: string; url: string; type: string | undefined; body: string }[] = [];
  const server: Server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => {
      body += text;
    });
    request.on('end', () => {
      asked.push({ method: request.method ?? '', url: request.url ?? '', type: request.headers['content-type'], body });
      answer(request, response, body);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = createClient({ server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, ...more });
  const close = async () => {
    client.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  };
  return { client, server, asked, close };
}

const key = { namespace: 'ns', name: 'a' };
const lease = (name: string, resourceVersion = '1') => ({ metadata: { name, namespace: 'ns', resourceVersion } });

describe('the HTTP client', () => {
  it('asks at the paths, and with the bodies, of the Kubernetes API', async () => {
    const { client, asked, close } = await setup((_, response) => response.end('{"metadata":{}}'));
    const object = { apiVersion: 'v1', kind: 'Service', metadata: key };
    await client.get(Service, key);
    await client.create(Service, object);
    await client.updateStatus(Service, object);
    await client.patch(Lease, key, { type: 'json', operations: [] });
    await client.patch(Lease, key, { type: 'strategic', body: {} }, 'status');
    await client.delete(Lease, key, { gracePeriodSeconds: 0 });
    assert.deepEqual(
      asked.map(({ method, url, type }) => `${method} ${url} ${type}`),
      [
        'GET /api/v1/namespaces/ns/services/a undefined',
        'POST /api/v1/namespaces/ns/services application/json',
        'PUT /api/v1/namespaces/ns/services/a/status application/json',
        'PATCH /apis/coordination.k8s.io/v1/namespaces/ns/leases/a application/json-patch+json',
        'PATCH /apis/coordination.k8s.io/v1/namespaces/ns/leases/a/status application/strategic-merge-patch+json',
        'DELETE /apis/coordination.k8s.io/v1/namespaces/ns/leases/a application/json',
      ],
    );
    assert.equal(asked[5]?.body, '{"apiVersion":"v1","kind":"DeleteOptions","gracePeriodSeconds":0}');
    await close();
  });

  it('reads a long list page by page, and gives items the kind that the list has', async () => {
    const { client, asked, close } = await setup((request, response) => {
      const second = request.url?.includes('continue=more');
      const metadata = { resourceVersion: '7', ...(second ? {} : { continue: 'more' }) };
      response.end(JSON.stringify({ metadata, items: [lease(second ? 'b' : 'a')] }));
    });
    const { items, resourceVersion } = await client.list(Lease, { labelSelector: 'a=b' });
    assert.deepEqual(
      items.map(({ kind, metadata }) => `${kind} ${metadata.name}`),
      ['Lease a', 'Lease b'],
    );
    assert.equal(resourceVersion, '7');
    assert.ok(asked.every(({ url }) => url.includes('labelSelector=a%3Db')));
    await close();
  });

  it('throws the Status that the server answers, and one of its own when the answer is none', async () => {
    const status = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', reason: 'NotFound', code: 404 };
    const { client, close } = await setup((request, response) => {
      response.statusCode = request.url?.endsWith('/a') ? 404 : 502;
      response.end(request.url?.endsWith('/a') ? JSON.stringify(status) : 'bad gateway');
    });
    await assert.rejects(client.get(Lease, key), (error) => error instanceof ApiError && error.reason === 'NotFound');
    await assert.rejects(client.get(Lease, { ...key, name: 'b' }), (error) => {
      return error instanceof ApiError && error.code === 502 && error.message.includes('bad gateway');
    });
    await close();
  });

  it('says where the server should be when it cannot be reached', async () => {
    const { client, server, close } = await setup(() => {});
    const { port } = server.address() as AddressInfo;
    await close();
    await assert.rejects(client.get(Lease, key), (error) => {
      return (
        error instanceof TransportError && error.message.includes(`127.0.0.1:${port}`) && error.cause !== undefined
      );
    });
  });

  it('sends a read again when a kept connection turns out to be closed', async () => {
    let requests = 0;
    const { client, close } = await setup((request, response) => {
      requests++;
      // The second request comes on the connection of the first, and is cut off without an answer.
      if (requests === 2) request.socket.resetAndDestroy();
      else response.end(JSON.stringify(lease('a')));
    });
    await client.get(Lease, key);
    await client.get(Lease, key);
    assert.equal(requests, 3);
    await close();
  });

  it('follows a watch whose lines come in pieces, and throws what the server says at its end', async () => {
    const { client, asked, close } = await setup((_, response) => {
      const lines = [
        { type: 'ADDED', object: lease('ä') },
        { type: 'BOOKMARK', object: { metadata: { resourceVersion: '9' } } },
        { type: 'ERROR', object: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } },
      ];
      const bytes = Buffer.from(`${lines.map((line) => JSON.stringify(line)).join('\n')}\n`);
      for (let i = 0; i < bytes.length; i += 7) response.write(bytes.subarray(i, i + 7));
      response.end();
    });
    const seen: string[] = [];
    const follow = async () => {
      for await (const event of client.watch(Lease, { resourceVersion: '3' }, new AbortController().signal)) {
        seen.push(
          event.type === 'BOOKMARK'
            ? `BOOKMARK ${event.resourceVersion}`
            : `${event.type} ${event.object.metadata.name}`,
        );
      }
    };
    await assert.rejects(follow(), isExpired);
    assert.deepEqual(seen, ['ADDED ä', 'BOOKMARK 9']);
    assert.match(asked[0]?.url ?? '', /watch=true.*resourceVersion=3/);
    await close();
  });

  it('ends a watch quietly when it is told to, and throws when the connection breaks', async () => {
    const { client, server, close } = await setup((_, response) => response.write('\n'));
    const ended = new AbortController();
    const follow = async (signal: AbortSignal) => {
      for await (const _ of client.watch(Lease, { resourceVersion: '3' }, signal)) assert.fail('nothing is sent');
    };
    const first = follow(ended.signal);
    await once(server, 'request');
    ended.abort();
    await first;
    const second = follow(new AbortController().signal);
    await once(server, 'request');
    server.closeAllConnections();
    await assert.rejects(second, TransportError);
    await close();
  });

  it('shows the token of its file, and reads it again once it is refused', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'postern-client-'));
    const tokenFile = join(dir, 'token');
    await writeFile(tokenFile, 'old\n');
    const isNew = ({ headers }: IncomingMessage) => headers.authorization === 'Bearer new';
    const { client, close } = await setup(
      (request, response) => {
        response.statusCode = isNew(request) ? 200 : 401;
        response.end('{"metadata":{}}');
      },
      { tokenFile },
    );
    await assert.rejects(client.get(Service, key), ApiError);
    await writeFile(tokenFile, 'new\n');
    await client.get(Service, key);
    await close();
    await rm(dir, { recursive: true });
  });
});

describe('lines of JSON', () => {
  async function read(chunks: string[], limit?: number): Promise<unknown[]> {
    const values: unknown[] = [];
    const stream = (async function* () {
      for (const chunk of chunks) yield Buffer.from(chunk);
    })();
    for await (const value of jsonLines(stream, limit)) values.push(value);
    return values;
  }

  it('are put together from pieces, and empty ones are passed over', async () => {
    assert.deepEqual(await read(['{"a"', ':1}\n\n{"b":2}\n[', '3]\n']), [{ a: 1 }, { b: 2 }, [3]]);
  });

  it('have a bounded length, with and without an end', async () => {
    await assert.rejects(read(['"12345', '67890"\n'], 8), /longer than 8 bytes/);
    await assert.rejects(read(['"12345', '67890'], 8), /longer than 8 bytes/);
  });
});
