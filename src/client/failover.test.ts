import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTCPServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { Service } from '../api/core/v1/service.ts';
import { ApiError } from '../api/status.ts';
import { besideOthers, skipWithoutNft } from '../host/testing/in-namespace.ts';
import { type Client, TransportError } from './client.ts';
import { type ClientOptions, createClient } from './http-client.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const ok: Answer = (_, response) => response.end('{"metadata":{"name":"a"}}');
const unavailable: Answer = (_, response) => {
  response.statusCode = 503;
  response.end(JSON.stringify({ kind: 'Status', reason: 'ServiceUnavailable', message: 'no etcd', code: 503 }));
};
/** Takes requests and says nothing, as a process does that is stopped. */
const silent: Answer = () => {};

class Fake {
  readonly asked: string[] = [];
  readonly credentials: (string | undefined)[] = [];
  answer: Answer;
  port = 0;
  readonly #server: Server;

  constructor(answer: Answer) {
    this.answer = answer;
    this.#server = createServer((request, response) => {
      if (request.url !== '/livez' && request.url !== '/readyz') this.asked.push(`${request.method} ${request.url}`);
      this.credentials.push(request.headers.authorization);
      this.answer(request, response);
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    this.port = (this.#server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  stopListening(): void {
    this.#server.close();
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

const ends: (() => void)[] = [];
after(() => {
  for (const end of ends) end();
});

async function fakes(...answers: Answer[]): Promise<Fake[]> {
  const all = answers.map((answer) => new Fake(answer));
  for (const each of all) {
    await each.listen();
    ends.push(() => each.close());
  }
  return all;
}

function clientOf([server = '', ...otherServers]: readonly string[], options: ClientOptions = {}) {
  const client = createClient({ server, otherServers }, options);
  ends.push(() => client.close());
  return client;
}

const key = { namespace: 'ns', name: 'a' };
const object = { apiVersion: 'v1', kind: 'Service', metadata: key };

describe('a client of several servers', () => {
  it('keeps to the first while that one answers', async () => {
    const [first, second] = await fakes(ok, ok);
    const client = clientOf([first?.url ?? '', second?.url ?? '']);
    for (let i = 0; i < 5; i++) await client.get(Service, key);
    assert.deepEqual([first?.asked.length, second?.asked.length], [5, 0]);
  });

  it('reads and writes through the next when a server cannot be connected to, and says so of each when none can', async () => {
    const [first, second] = await fakes(ok, ok);
    const client = clientOf([first?.url ?? '', second?.url ?? '']);
    first?.close();
    await client.create(Service, object);
    await client.get(Service, key);
    assert.equal(second?.asked.length, 2);
    second?.close();
    await assert.rejects(client.get(Service, key), (error) => {
      return (
        [first, second].every((server) => (error as Error).message.includes(server?.url ?? '')) &&
        error instanceof TransportError
      );
    });
  });

  it('repeats a read whose connection broke, and no write: nobody knows whether it was done', async () => {
    const [first, second] = await fakes((request) => request.socket.resetAndDestroy(), ok);
    const client = clientOf([first?.url ?? '', second?.url ?? '']);
    await assert.rejects(client.create(Service, object), TransportError);
    assert.deepEqual([first?.asked.length, second?.asked.length], [1, 0]);
    const read = client.get(Service, key);
    if (first !== undefined) first.answer = ok;
    await read;
    assert.equal(second?.asked.length, 0);
  });

  it('does not repeat writes either that waited for connections which others had before', async () => {
    const [first, second] = await fakes((request, response) => {
      if ((first?.asked.length ?? 0) <= 4) ok(request, response);
      else request.socket.resetAndDestroy();
    }, ok);
    const client = clientOf([first?.url ?? '', second?.url ?? '']);
    const writes = await Promise.allSettled(Array.from({ length: 8 }, () => client.create(Service, object)));
    const failed = writes.flatMap((write) => (write.status === 'rejected' ? [write.reason] : []));
    assert.deepEqual([failed.length, failed.every((error) => error instanceof TransportError)], [4, true]);
    assert.deepEqual([first?.asked.length, second?.asked.length], [8, 0]);
  });

  it('goes on where a server says that it cannot serve, also with a write, as nothing was done', async () => {
    const [first, second] = await fakes(unavailable, ok);
    const client = clientOf([first?.url ?? '', second?.url ?? '']);
    await client.create(Service, object);
    assert.equal(second?.asked.length, 1);
  });

  it('still hears the answer to a write from a server that takes no more connections', async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const [first, second] = await fakes((_, response) => asked.resolve(response), ok);
    const client = clientOf([first?.url ?? '', second?.url ?? '']);
    const write = client.create(Service, object);
    const response = await asked.promise;
    first?.stopListening();
    await client.get(Service, key);
    assert.equal(second?.asked.length, 1);
    ok(response.req, response);
    await write;
  });

  it('leaves a server that is ending, also for one that failed a moment ago', async () => {
    const ending: Answer = (_, response) => response.writeHead(503).end();
    const [first, second] = await fakes(unavailable, ok);
    const client = clientOf([first?.url ?? '', second?.url ?? '']);
    await client.get(Service, key);
    if (first !== undefined) first.answer = ok;
    if (second !== undefined) second.answer = ending;
    await client.create(Service, object);
    assert.deepEqual([first?.asked.length, second?.asked.length], [2, 2]);
  });

  it('tells what the first server says when none can serve, and makes the call of no other that is not ready', async () => {
    const servers = await fakes(unavailable, unavailable, unavailable);
    const client = clientOf(servers.map(({ url }) => url));
    await assert.rejects(client.get(Service, key), (error) => error instanceof ApiError && error.code === 503);
    assert.deepEqual(
      servers.map(({ asked }) => asked.length),
      [1, 0, 0],
    );
  });

  for (const [what, call] of [
    ['a read', (client: Client) => client.get(Service, key)],
    ['a write', (client: Client) => client.create(Service, object)],
  ] as const) {
    it(`gives ${what} up soon after a server said that it cannot serve, where the others take as long to say so`, async () => {
      const servers = await fakes(unavailable, silent, silent, silent);
      const client = clientOf(servers.map(({ url }) => url));
      const began = performance.now();
      await assert.rejects(call(client), (error) => error instanceof ApiError && error.message === 'no etcd');
      const took = performance.now() - began;
      assert.ok(took < 2500, `it took ${took} ms`);
      assert.deepEqual(
        servers.map(({ asked }) => asked.length),
        [1, 0, 0, 0],
      );
    });
  }

  it('goes past a server that is not ready to one that is', async () => {
    const servers = await fakes(unavailable, unavailable, ok);
    const client = clientOf(servers.map(({ url }) => url));
    await client.create(Service, object);
    assert.deepEqual(
      servers.map(({ asked }) => asked.length),
      [1, 0, 1],
    );
  });

  it('leaves a server that falls silent, with all that waits and follows', async () => {
    const [first, second] = await fakes((request, response) => {
      if (request.url?.includes('watch')) response.flushHeaders();
    }, ok);
    const client = clientOf([first?.url ?? '', second?.url ?? '']);
    const watch = (async () => {
      for await (const _ of client.watch(Service, { resourceVersion: '3' }, new AbortController().signal)) break;
    })();
    const watched = assert.rejects(watch, /has fallen silent/);
    // More than there are connections for.
    await Promise.all(Array.from({ length: 20 }, () => client.get(Service, key)));
    await watched;
    assert.equal(second?.asked.length, 20);
  });

  it('does not wait long for a connection that does not come about', async () => {
    const [second] = await fakes(ok);
    // Connections are taken, and the handshake of TLS is never answered.
    const stopped = createTCPServer(() => {});
    stopped.listen(0, '127.0.0.1');
    await once(stopped, 'listening');
    const server = `https://127.0.0.1:${(stopped.address() as AddressInfo).port}`;
    const began = performance.now();
    const client = clientOf([server, second?.url ?? '']);
    await client.create(Service, object);
    const took = performance.now() - began;
    assert.ok(took < 1800, `it took ${took} ms`);
    client.close();
    stopped.close();
  });

  it('takes the addresses of a name for so many servers', async () => {
    const [only] = await fakes(ok);
    const lookUp = async () => ['127.0.0.2', '127.0.0.1'];
    const client = clientOf([`http://api.example:${only?.port}`], { lookUp });
    await client.create(Service, object);
    assert.equal(only?.asked.length, 1);
    assert.deepEqual(
      client.servers.all().map(({ connectTo }) => connectTo),
      ['127.0.0.2', '127.0.0.1'],
    );
  });

  it('waits for a single server as long as it takes', async () => {
    const [only] = await fakes(silent);
    const client = clientOf([only?.url ?? '']);
    const read = client.get(Service, key);
    const limit = new Promise((resolve) => setTimeout(resolve, 2200, 'waiting'));
    assert.equal(await Promise.race([read, limit]), 'waiting');
    client.close();
    await assert.rejects(read, TransportError);
  });
});

describe('a client whose credentials are renewed', () => {
  it('shows the new ones from then on, and loses nothing that is under way', async () => {
    const asked = Promise.withResolvers<ServerResponse>();
    const [only] = await fakes((_, response) => asked.resolve(response));
    const client = clientOf([only?.url ?? '']);
    client.servers.renew({ token: 'old' });
    const slow = client.get(Service, key);
    const response = await asked.promise;
    client.servers.renew({ token: 'new' });
    if (only !== undefined) only.answer = ok;
    await client.create(Service, object);
    ok(response.req, response);
    await slow;
    assert.deepEqual(only?.credentials, ['Bearer old', 'Bearer new']);
  });
});

describe('a client whose server', { skip: skipWithoutNft() }, () => {
  it('is stopped, killed or cut off reads on within two seconds, and misses no change', async () => {
    const seen = JSON.parse(await besideOthers(new URL('failover.fixture.ts', import.meta.url)));
    for (const how of ['stopped', 'killed', 'cutOff']) {
      const { reads, changes } = seen[how];
      assert.ok(reads < 2000 && changes < 2000, `${how}: a read took ${reads} ms, no change for ${changes} ms`);
    }
    assert.ok(seen.killed.changes < 1000, `killed: no change for ${seen.killed.changes} ms`);
    assert.deepEqual([seen.inARow, seen.used], [true, 3]);
  });
});
