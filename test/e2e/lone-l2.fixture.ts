/**
 * `postern l2` as a process, beside `postern server`, on a machine with a client on its LAN. Runs alone in fresh namespaces:
 * see lone-l2.test.ts.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { L2_SOCKET, PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { printKubeconfig } from '../../src/client/kubeconfig.ts';
import { CommandError, runCommand } from '../../src/host/process.ts';
import { startLesserApi } from './lesser-api.ts';
import { MACHINE, makeMachine } from './machine.ts';
import { startServer, type TestServer } from './server.ts';

const ADDRESSES = ['192.0.2.100', 'fd00:192:0:2::100'] as const;
const OBJECTS = `
apiVersion: v1
kind: Node
metadata: { name: node1 }
spec: {}
status:
  addresses: [{ type: InternalIP, address: ${MACHINE} }, { type: InternalIP, address: "fd00:192:0:2::10" }]
  conditions: [{ type: Ready, status: "True" }]
---
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata: { name: lan, namespace: metallb-system }
spec: { addresses: [192.0.2.100-192.0.2.110, "fd00:192:0:2::100-fd00:192:0:2::110"] }
---
apiVersion: metallb.io/v1beta1
kind: L2Advertisement
metadata: { name: lan, namespace: metallb-system }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { type: LoadBalancer, ipFamilyPolicy: RequireDualStack, ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-4, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 8080, name: "" }]
endpoints: [{ addresses: [10.244.1.5], nodeName: node1 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-6, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv6
ports: [{ port: 8080, name: "" }]
endpoints: [{ addresses: ["fd00:10:244:1::5"], nodeName: node1 }]
`;

let server: TestServer;
const started: ChildProcess[] = [];

before(async () => {
  await makeMachine();
  await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);
  await runCommand(['ip', 'netns', 'add', 'client']);
  await runCommand(['ip', 'link', 'set', 'lan1', 'netns', 'client']);
  await runCommand(['ip', '-netns', 'client', '-batch', '-'], {
    input: [
      'address add 192.0.2.1/24 dev lan1',
      'address add fd00:192:0:2::1/64 dev lan1 nodad',
      'link set lan1 up',
    ].join('\n'),
  });
  server = await startServer();
  await server.kubectl(['create', 'namespace', 'metallb-system']).catch(() => {}); // A server may bring it along.
  await server.kubectl(['create', '-f', '-'], OBJECTS);
});

after(async () => {
  for (const child of started) child.kill('SIGKILL');
  await server.stop();
});

async function startL2(...flags: readonly string[]): Promise<ChildProcess> {
  const argv = ['l2', '--kubeconfig', server.kubeconfig, '--node', 'node1', ...flags];
  const child = spawn(PROGRAM, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  started.push(child);
  assert.equal(await firstLine(child), 'ready');
  return child;
}

function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('it has no output');
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill(signal);
  });
}

const postern = async (...argv: readonly string[]): Promise<string> =>
  (await runCommand([PROGRAM, ...argv], { env: { KUBECONFIG: '' } })).stdout;

async function refused(...argv: readonly string[]): Promise<string> {
  const error = await postern(...argv).catch((thrown: unknown) => thrown);
  assert(error instanceof CommandError);
  return error.stderr;
}

/** Whether a host of the LAN is answered when it asks who has the addresses. */
async function answered(): Promise<readonly boolean[]> {
  const asks = [
    ['arping', '-f', '-c', '2', '-w', '2', '-I', 'lan1', ADDRESSES[0]],
    ['ndisc6', '-1', '-r', '2', '-w', '500', ADDRESSES[1], 'lan1'],
  ];
  return Promise.all(
    asks.map((ask) =>
      runCommand(['ip', 'netns', 'exec', 'client', ...ask]).then(
        () => true,
        () => false,
      ),
    ),
  );
}

const allAnnounced = () =>
  server.eventually(async () => {
    const status = await postern('l2', 'status');
    // None while the LAN is asked whether anybody has them.
    return ADDRESSES.every((address) => new RegExp(`^${address} .* lan0 `, 'm').test(status)) ? true : undefined;
  });

test('addresses of Services are announced, and the announcer tells of it at its socket and its port', async () => {
  const l2 = await startL2();
  await allAnnounced();
  assert.deepEqual(await answered(), [true, true]);
  const status = await postern('l2', 'status');
  assert.match(status, /^ADDRESS +NODE +PROTOCOL +INTERFACES +FOR +SERVICES$/m);
  for (const address of ADDRESSES)
    assert.match(status, new RegExp(`^${address} +node1 +(ARP|NDP) +lan0 .* default/web$`, 'm'));
  const { announcers } = JSON.parse(await postern('l2', 'status', '--socket', L2_SOCKET, '-o', 'json'));
  assert.equal(announcers[0].node, 'node1');
  assert.match(await postern('l2', 'status', '-o', 'wide'), /ARP reply +[1-9]/);
  assert.match((await runCommand(['curl', '-sSf', '-m', '3', 'http://127.0.0.1:7472/livez'])).stdout, /ok/);
  assert.equal((await runCommand(['stat', '-c', '%a', L2_SOCKET])).stdout.trim(), '600');
  assert.equal(await end(l2, 'SIGTERM'), 0);
  assert.deepEqual(await answered(), [false, false]);
});

test('one that was killed leaves nothing that keeps the next from starting', async () => {
  await end(await startL2('--metrics', 'none'), 'SIGKILL');
  const next = await startL2('--metrics', 'none');
  await allAnnounced();
  assert.deepEqual(await answered(), [true, true]);
  assert.equal(await end(next, 'SIGTERM'), 0);
});

test('only the interfaces that are named are used', async () => {
  const l2 = await startL2('--interfaces', 'lo');
  const lines = async () => (await postern('l2', 'status')).split('\n').filter((line) => line.startsWith(ADDRESSES[0]));
  await server.eventually(async () => ((await lines()).length > 0 ? true : undefined));
  assert.doesNotMatch((await lines()).join(), /lan0/);
  assert.deepEqual(await answered(), [false, false]);
  await end(l2, 'SIGTERM');
});

test('one that starts before the API is there waits for it, and ends when it is told to', async () => {
  const config = (await readFile(server.kubeconfig, 'utf8')).replace(/server: .*/, 'server: https://127.0.0.1:1');
  const away = join(server.dir, 'away');
  writeFileSync(away, config);
  const argv = ['l2', '--kubeconfig', away, '--node', 'node1', '--metrics', 'none'];
  const child = spawn(PROGRAM, argv, { stdio: ['ignore', 'inherit', 'pipe'] });
  started.push(child);
  assert(child.stderr);
  const [said] = await once(child.stderr.setEncoding('utf8'), 'data');
  assert.match(String(said), /the API cannot be reached; waiting for it/);
  assert.equal(await end(child, 'SIGTERM'), 0);
});

/** What the guide says that an announcer needs: `list nodes`. */
async function documentedRights(): Promise<ReadonlySet<string>> {
  const guide = await readFile(new URL('../../docs/load-balancer-addresses.md', import.meta.url), 'utf8');
  const [, table = ''] = guide.split('needs these rights');
  const rows = [...(table.split('\n\n## ')[0]?.matchAll(/^\| \S+.* \| ([^|]+) \| ([a-z, ]+) \|$/gm) ?? [])];
  return new Set(
    rows.flatMap(([, resources = '', verbs = '']) =>
      resources
        .replace(/ unless .*/, '')
        .split(', ')
        .flatMap((resource) => verbs.split(', ').map((verb) => `${verb} ${resource.replace(',', '')}`)),
    ),
  );
}

test('a cluster without the MetalLB object is served, with the rights that the guide names', async () => {
  const api = await startLesserApi({ kubeconfig: server.kubeconfig, lacks: ['metallbs.metallb.io'] });
  const lesser = join(server.dir, 'lesser');
  writeFileSync(lesser, printKubeconfig({ endpoint: { server: api.url }, name: 'lesser' }));
  const l2 = await startL2('--metrics', 'none', '--kubeconfig', lesser);
  await allAnnounced();
  await server.eventually(async () => (api.asked.has('create servicel2statuses') ? true : undefined));
  assert.equal(await end(l2, 'SIGTERM'), 0);
  await api.close();
  const rights = await documentedRights();
  assert.deepEqual(
    [...api.asked].filter((right) => !rights.has(right)),
    [],
  );
});

test('cleaning up leaves the machine as it was, and what others put there', async () => {
  for (const table of ['ip theirs', 'ip postern-l2', 'ip6 postern-l2']) {
    await runCommand(['nft', 'add', 'table', ...table.split(' ')]);
  }
  assert.match(await postern('l2', 'cleanup'), /^no rules/);
  assert.equal((await runCommand(['nft', 'list', 'ruleset'])).stdout, 'table ip theirs {\n}\n');
});

test('what is wrong is named, with what to do', async () => {
  assert.match(await refused('l2', 'status'), /no announcer runs on this machine\n.*--data-dir.*--kubeconfig/);
  assert.match(
    await refused('l2', 'status', '--socket', '/run/none'),
    /no announcer answers at \/run\/none.*\n.*--socket/,
  );
  const alone = ['l2', '--kubeconfig', server.kubeconfig];
  assert.match(await refused(...alone, '--node', 'nowhere'), /the server has no Node "nowhere"\n.*kubectl get nodes/);
  assert.match(await refused(...alone, '--node', 'node1', '--heartbeat-timeout', '100ms'), /timeout 100 ms: .*150 ms/);
  const key = join(server.dir, 'key');
  writeFileSync(key, 'sixteen bytes at least');
  chmodSync(key, 0o644);
  assert.match(await refused(...alone, '--heartbeat-key', key), /readable by everyone.*\n.*chmod 600/);
});
