import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { connect, createServer as createTCPServer } from 'node:net';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { eventually } from '../../client/testing.ts';
import { FakeClock } from '../../host/clock.ts';
import { type Logger, silentLogger } from '../../host/log.ts';
import { MoreAddresses } from './more-addresses.ts';

/** A port that is free at 127.0.0.1, and taken there as the API server's is. */
async function world(log: Logger = silentLogger) {
  const main = createTCPServer();
  await once(main.listen(0, '127.0.0.1'), 'listening');
  const { port } = main.address() as { port: number };
  const clock = new FakeClock();
  const made: Server[] = [];
  const also = new MoreAddresses({ make: () => createServer(), port, log, clock });
  const ended = new AbortController();
  const keep = (find: () => readonly string[]) =>
    also.keep(
      async () => find(),
      async (server) => {
        made.push(server);
      },
      ended.signal,
    );
  const reachable = async (host: string) => {
    const socket = connect(port, host);
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false;
    } finally {
      socket.destroy();
    }
  };
  const end = async () => {
    ended.abort();
    await Promise.all([main, ...made].map((server) => new Promise((resolve) => server.close(resolve))));
  };
  return { clock, also, made, keep, reachable, end };
}

test('an address is listened at when it comes, once, and is told of while it is there', async () => {
  const w = await world();
  try {
    let here: readonly string[] = [];
    void w.keep(() => here);
    assert.deepEqual(w.also.addresses, []);
    assert.equal(await w.reachable('127.0.0.2'), false);
    here = ['127.0.0.2'];
    await w.clock.advance(1000);
    await eventually(() => isDeepStrictEqual(w.also.addresses, ['127.0.0.2']));
    assert.equal(await w.reachable('127.0.0.2'), true);
    here = [];
    await w.clock.advance(1000);
    await eventually(() => isDeepStrictEqual(w.also.addresses, []));
    here = ['127.0.0.2'];
    await w.clock.advance(1000);
    await eventually(() => isDeepStrictEqual(w.also.addresses, ['127.0.0.2']));
    assert.equal(w.made.length, 1);
  } finally {
    await w.end();
  }
});

test('an address that cannot be listened at keeps no other back', async () => {
  const w = await world();
  try {
    void w.keep(() => ['192.0.2.1', '127.0.0.3']);
    await eventually(async () => {
      await w.clock.advance(1000);
      return isDeepStrictEqual(w.also.addresses, ['127.0.0.3']);
    });
  } finally {
    await w.end();
  }
});

test('of an address whose port another program has, the log says what to do, in one line without a stack', async () => {
  const told: object[] = [];
  const w = await world({ ...silentLogger, warn: (fields) => told.push(fields) });
  try {
    void w.keep(() => ['127.0.0.1']);
    await eventually(() => told.length > 0);
    assert.match(
      JSON.stringify(told),
      /^\[\{"reason":"cannot listen on 127\.0\.0\.1:\d+: the port is in use, .*","address":"127\.0\.0\.1"\}\]$/,
    );
  } finally {
    await w.end();
  }
});
