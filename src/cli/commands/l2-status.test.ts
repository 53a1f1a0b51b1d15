import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { CommandError, runCommand } from '../../host/process.ts';
import { DEFAULT_HEARTBEATS } from '../../l2/settings.ts';
import { PROGRAM } from '../wiring/defaults.ts';

const dir = mkdtempSync(join(tmpdir(), 'pst-l2-'));
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
  rmSync(dir, { recursive: true });
});

/** Answers at a socket as the announcer of a node does. */
async function announcer(path: string, node: string, address: string): Promise<void> {
  const announced = { address, protocol: 'ARP', interfaces: ['eth0'], services: ['shop/web'], since: 1000 };
  const rest = { conflicts: [], peers: [], elected: { [address]: node }, nobody: [], counts: {} };
  const report = { node, at: 3000, heartbeats: DEFAULT_HEARTBEATS, announcing: [announced], ...rest };
  const server = createServer((request, response) => {
    if (request.url === '/status') response.end(JSON.stringify(report));
    else response.writeHead(404).end();
  }).listen(path);
  await once(server, 'listening');
  servers.push(server);
}

const status = (...argv: readonly string[]) =>
  runCommand([PROGRAM, 'l2', 'status', ...argv], { env: { KUBECONFIG: '' } });
const refused = async (...argv: readonly string[]): Promise<string> => {
  const error = await status(...argv).catch((thrown: unknown) => thrown);
  assert(error instanceof CommandError);
  return error.stderr;
};

test('the nodes of a lab are asked at their sockets, and shown together', async () => {
  for (const [i, node] of ['node1', 'node2'].entries()) {
    mkdirSync(join(dir, 'nodes', node), { recursive: true });
    await announcer(join(dir, 'nodes', node, 'l2.sock'), node, `192.168.77.20${i}`);
  }
  const { stdout } = await status('--data-dir', dir);
  assert.deepEqual(stdout.match(/^192.*$/gm), [
    '192.168.77.200  node1  ARP       eth0        2s   shop/web',
    '192.168.77.201  node2  ARP       eth0        2s   shop/web',
  ]);
  const { announcers } = JSON.parse((await status('--data-dir', dir, '-o', 'json')).stdout);
  assert.deepEqual(
    announcers.map(({ node }: { readonly node: string }) => node),
    ['node1', 'node2'],
  );
  assert.match((await status('--data-dir', dir, '-o', 'yaml')).stdout, /^announcers:\n {2}- node: node1$/m);
});

test('one that does not answer is told of, and the others are shown', async () => {
  await announcer(join(dir, 'one.sock'), 'node1', '192.168.77.9');
  const { stdout, stderr } = await status('--socket', join(dir, 'one.sock'), '--socket', join(dir, 'none.sock'));
  assert.match(stdout, /^192\.168\.77\.9 /m);
  assert.match(stderr, /no announcer answers at .*none\.sock: connect ENOENT/);
});

test('says what to do when there is none, and when something else answers', async () => {
  assert.match(await refused('--socket', join(dir, 'none.sock')), /no announcer answers at .*\n.*--data-dir/);
  mkdirSync(join(dir, 'empty'));
  assert.match(await refused('--data-dir', join(dir, 'empty')), /no node runs in .*empty/);
  const other = createServer((_, response) => response.end('{}')).listen(join(dir, 'other.sock'));
  servers.push(other);
  await once(other, 'listening');
  assert.match(await refused('--socket', join(dir, 'other.sock')), /what answers at .* is no announcer/);
});

/** Begins the command line of a program that runs as nobody. */
const NOBODY = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups', '--inh-caps', '-all'];

test('one that may not be asked is said to be root’s, with where else to ask', { skip: withoutNobody() }, async () => {
  const closed = join(dir, 'closed');
  mkdirSync(closed, { mode: 0o700 });
  await announcer(join(closed, 'l2.sock'), 'node1', '192.168.77.9');
  chmodSync(dir, 0o755);
  const argv = [...NOBODY, PROGRAM, 'l2', 'status', '--socket', join(closed, 'l2.sock')];
  const error = await runCommand(argv).catch((thrown: unknown) => thrown);
  assert(error instanceof CommandError);
  assert.match(error.stderr, /only root may ask at .*l2\.sock\n.*sudo.*--socket http:\/\/127\.0\.0\.1:7472/);
});

function withoutNobody(): string | false {
  const [program = '', ...argv] = [...NOBODY, PROGRAM, '--version'];
  return spawnSync(program, argv).status === 0 ? false : 'needs root, and a program that everybody may run';
}
