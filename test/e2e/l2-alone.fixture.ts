/**
 * `postern l2`, `postern proxy` and `postern controllers --only loadbalancer` as processes beside an API server that knows
 * nothing of load balancers: two nodes on a LAN, each a network namespace, and the client with the server outside of them.
 * Runs alone in fresh namespaces: see l2-alone.test.ts.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { runCommand } from '../../src/host/process.ts';
import { advertisement, ENDPOINT_PORT, NAMESPACE, PORT, pool, preferring, service, slices } from './l2/objects.ts';
import { Traffic, trafficArgv } from './l2/requests.ts';
import type { Target } from './l2/traffic.ts';

/** The server's and the client's own address on the LAN. */
const HERE = '192.168.79.1';
const NODES = [11, 12].map((host, i) => ({
  name: `node${i + 1}`,
  addresses: { IPv4: `192.168.79.${host}`, IPv6: `fd00:79::${host}` },
}));
const VIPS = ['192.168.79.200', 'fd00:79::200'];
const FAMILIES = ['IPv4', 'IPv6'] as const;
const TARGETS = VIPS.map((address): Target => ({ by: 'connections', address, port: PORT, every: 20 }));

let dir: string;
let kubeconfig: string;
const running = new Map<string, ChildProcess>();

/** Starts a program and resolves with its first line; ends it with the test. */
function start(name: string, argv: readonly string[]): Promise<string> {
  const [program = '', ...args] = argv;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  running.set(name, child);
  const { stdout } = child;
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
}

async function end(name: string, signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
  const child = running.get(name);
  if (child === undefined) throw new Error(`${name} does not run`);
  running.delete(name);
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve));
  child.kill(signal);
  return await ended;
}

const inNode = (node: string, ...argv: readonly string[]) => ['ip', 'netns', 'exec', node, ...argv];
const postern = (...args: readonly string[]) => [PROGRAM, ...args, '--kubeconfig', kubeconfig];
const startL2 = (node: string) =>
  start(`l2 ${node}`, inNode(node, ...postern('l2', '--node', node, '--socket', join(dir, `${node}.sock`))));

async function kubectl(args: readonly string[], objects?: readonly object[]): Promise<string> {
  const input = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects ?? [] });
  return (await runCommand(['kubectl', ...args], { env: { KUBECONFIG: kubeconfig }, input })).stdout;
}

const ip = (namespace: readonly string[], lines: readonly string[]) =>
  runCommand(['ip', ...namespace, '-batch', '-'], { input: lines.join('\n') });

async function makeLAN(): Promise<void> {
  await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);
  for (const { name } of NODES) await runCommand(['ip', 'netns', 'add', name]);
  await ip(
    [],
    [
      'link set lo up',
      'link add lan type bridge forward_delay 0 mcast_snooping 0',
      `address add ${HERE}/24 dev lan`,
      'address add fd00:79::1/64 dev lan nodad',
      'link set lan up',
      ...NODES.flatMap(({ name }) => [
        `link add ${name} type veth peer name eth0 netns ${name}`,
        `link set ${name} master lan up`,
      ]),
    ],
  );
  for (const { name, addresses } of NODES) {
    await ip(
      ['-n', name],
      [
        'link set lo up',
        `address add ${addresses.IPv4}/24 dev eth0`,
        `address add ${addresses.IPv6}/64 dev eth0 nodad`,
        'link set eth0 up',
        `route add default via ${HERE}`,
        'route add default via fd00:79::1',
      ],
    );
  }
}

const nodeObject = ({ name, addresses }: (typeof NODES)[number]) => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name, labels: { 'kubernetes.io/hostname': name } },
  status: { addresses: Object.values(addresses).map((address) => ({ type: 'InternalIP', address })) },
});

before(async () => {
  await makeLAN();
  dir = await mkdtemp(join(tmpdir(), 'postern-test-'));
  kubeconfig = join(dir, 'kubeconfig');
  const server = ['server', '--data-dir', dir, '--listen', `${HERE}:0`, '--controllers', '*,-loadbalancer'];
  await start('server', [PROGRAM, ...server]);
  await kubectl(['create', '-f', '-'], NODES.map(nodeObject));
  await kubectl(['create', 'namespace', NAMESPACE]);
  const endpoint = fileURLToPath(new URL('l2/endpoint.ts', import.meta.url));
  await Promise.all(
    NODES.flatMap(({ name }) => [
      start(`endpoint ${name}`, inNode(name, process.execPath, endpoint, String(ENDPOINT_PORT), name)),
      start(`proxy ${name}`, inNode(name, ...postern('proxy', '--node', name))),
      startL2(name),
    ]),
  );
});

after(async () => {
  for (const name of running.keys()) await end(name, 'SIGKILL');
  await rm(dir, { recursive: true, force: true });
});

async function ask(): Promise<Traffic> {
  const [program = '', ...args] = trafficArgv(TARGETS);
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  running.set('traffic', child);
  return new Traffic(child, TARGETS);
}

test('without the controller a Service stays without an address; with it, it has one and is served', async () => {
  await kubectl(
    ['apply', '-f', '-'],
    [
      pool('lan', ['192.168.79.200/32', 'fd00:79::200/128']),
      advertisement('lan', preferring('node1')),
      service('web'),
      ...slices('web', NODES, FAMILIES),
    ],
  );
  await sleep(1000);
  assert.match(await kubectl(['get', 'service', '-n', NAMESPACE, 'web']), /<pending>/);
  await start('controllers', postern('controllers', '--only', 'loadbalancer'));
  const ip = (i: number) => `--for=jsonpath={.status.loadBalancer.ingress[${i}].ip}=${VIPS[i]}`;
  for (const i of VIPS.keys()) await kubectl(['wait', '-n', NAMESPACE, 'service/web', ip(i), '--timeout=10s']);
  const traffic = await ask();
  await traffic.answeredBy('node1', TARGETS);
  await traffic.stop();
});

test('the announcer that is ended hands over, and no request is lost; it takes back when it is there again', async () => {
  const traffic = await ask();
  await traffic.answeredBy('node1', TARGETS);
  const moved = traffic.answeredBy('node2', TARGETS);
  assert.equal(await end('l2 node1'), 0);
  await moved;
  const back = traffic.answeredBy('node1', TARGETS);
  await startL2('node1');
  await back;
  await traffic.stop();
  assert.deepEqual(traffic.lost(), []);
});

test('the announcer that is killed is replaced', async () => {
  const traffic = await ask();
  await traffic.answeredBy('node1', TARGETS);
  const moved = traffic.answeredBy('node2', TARGETS);
  await end('l2 node1', 'SIGKILL');
  await moved;
  await traffic.stop();
});

test('its status tells what it announces, and its cleaning up leaves nothing', async () => {
  const status = (await runCommand([PROGRAM, 'l2', 'status', '--socket', join(dir, 'node2.sock')])).stdout;
  for (const address of VIPS) assert.match(status, new RegExp(`^${address} `, 'm'));
  assert.equal(await end('l2 node2'), 0);
  await runCommand(inNode('node2', PROGRAM, 'l2', 'cleanup'));
  assert.doesNotMatch((await runCommand(inNode('node2', 'nft', 'list', 'tables'))).stdout, /postern-l2/);
});
