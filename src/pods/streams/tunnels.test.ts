import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { ApiServers } from '../../client/api-servers.ts';
import { systemClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { keepTunnels } from './tunnels.ts';

/** A server that tells of who asks it for requests, and of who goes. */
async function fakeServer() {
  const asked: (string | undefined)[] = [];
  const open = new Set<ServerResponse>();
  const waiting: (() => void)[] = [];
  const changed = () => {
    for (const wake of waiting.splice(0)) wake();
  };
  const server = createServer((request, response) => {
    asked.push(request.headers.authorization);
    open.add(response);
    response.once('close', () => {
      open.delete(response);
      changed();
    });
    response.flushHeaders();
    changed();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    open,
    async until(holds: () => boolean): Promise<void> {
      while (!holds()) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

test('every server that there is can ask, as they come and go, by whatever credentials are good then', async () => {
  const [first, second] = [await fakeServer(), await fakeServer()];
  const servers = new ApiServers({ server: first.url, token: 'old' });
  const ended = new AbortController();
  const options = { nodeName: 'n1', log: silentLogger, clock: systemClock, serve: () => {} };
  const kept = keepTunnels(servers, options, ended.signal);
  await first.until(() => first.open.size === 1);
  servers.learn([second.url]);
  await second.until(() => second.open.size === 1);

  servers.renew({ token: 'new' });
  for (const response of second.open) response.destroy();
  await second.until(() => second.asked.length === 2);
  assert.deepEqual([first.asked, second.asked], [['Bearer old'], ['Bearer old', 'Bearer new']]);

  servers.learn([]);
  await second.until(() => second.open.size === 0);
  assert.equal(first.open.size, 1);
  ended.abort();
  await kept;
  first.close();
  second.close();
});
