import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CommandError, runCommand } from '../../host/process.ts';
import { PROGRAM } from '../wiring/defaults.ts';

const dir = mkdtempSync(join(tmpdir(), 'pst-top-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(dir, { recursive: true });
});

/** A proxy that has one more connection each time that it is asked. */
async function proxy(where: string | number, node = 'node1'): Promise<Server> {
  let connections = 0;
  const server = createServer((request, response) => {
    if (request.url !== '/traffic') {
      response.writeHead(404).end();
      return;
    }
    connections++;
    const amount = { packets: connections * 4, bytes: connections * 400 };
    const traffic = { connections, in: amount, out: amount };
    const endpoints = [{ ip: '10.244.1.5', port: 8080, ...traffic }];
    const port = { namespace: 'shop', service: 'web', port: 80, portName: '', protocol: 'tcp', ...traffic, endpoints };
    response.end(JSON.stringify({ node, mode: 'nftables', at: connections * 1000, ports: [port] }));
  });
  if (typeof where === 'string') server.listen(where);
  else server.listen(where, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return server;
}

const urlOf = (server: Server): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const top = (...argv: readonly string[]) => runCommand([PROGRAM, 'top', 'services', ...argv]);
const refused = async (...argv: readonly string[]): Promise<string> => {
  const error = await top(...argv).catch((thrown: unknown) => thrown);
  assert(error instanceof CommandError);
  return error.stderr;
};

test('the proxies of a lab are asked at their sockets, and summed up', async () => {
  for (const node of ['node1', 'node2']) {
    mkdirSync(join(dir, 'nodes', node), { recursive: true });
    await proxy(join(dir, 'nodes', node, 'proxy.sock'), node);
  }
  const { stdout } = await top('--data-dir', dir, '-n', 'shop', '-o', 'json');
  const traffic = (connections: number) => {
    const amount = { packets: connections * 4, bytes: connections * 400 };
    return { connections, in: amount, out: amount };
  };
  assert.deepEqual(JSON.parse(stdout), [
    { namespace: 'shop', service: 'web', port: '80/TCP', total: traffic(4), perSecond: traffic(2) },
  ]);
});

test('prints a table of the proxy at a URL, with endpoints if asked', async () => {
  const { stdout } = await top('--proxy', urlOf(await proxy(0)), '-A', '--endpoints');
  const [head, web, endpoint] = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  assert.deepEqual(head?.slice(0, 4), ['NAMESPACE', 'SERVICE', 'PORT', 'CONN/S']);
  assert.deepEqual(web?.slice(0, 6), ['shop', 'web', '80/TCP', '1', '400B/s', '400B/s']);
  assert.equal(endpoint?.[0], '10.244.1.5:8080');
});

test('says that nothing had traffic, and where else to look', async () => {
  const { stdout } = await top('--proxy', urlOf(await proxy(0)));
  assert.equal(stdout, 'No Service in namespace default has had traffic. All namespaces: -A\n');
});

test('a proxy that does not answer is told of, and the others are shown', async () => {
  const { stdout, stderr } = await top('--proxy', urlOf(await proxy(0)), '--proxy', join(dir, 'none'), '-n', 'shop');
  assert.match(stdout, /web/);
  assert.match(stderr, /no proxy answers at .*none: connect ENOENT/);
});

test('says what to do when there is no proxy, or none that counts', async () => {
  assert.match(await refused('--proxy', join(dir, 'none')), /Name another with --proxy/);
  mkdirSync(join(dir, 'empty'));
  assert.match(await refused('--data-dir', join(dir, 'empty')), /no node runs in .*empty/);
  const silent = createServer((_, response) => response.writeHead(404).end()).listen(0, '127.0.0.1');
  servers.push(silent);
  await once(silent, 'listening');
  assert.match(await refused('--proxy', urlOf(silent)), /does not count traffic.*\n.*--mode nftables/);
});
