/**
 * `postern proxy` as a process, beside `postern server`, on a machine with one endpoint in a namespace of its own. Runs
 * alone in fresh namespaces: see proxy.test.ts.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { CommandError, runCommand } from '../../src/host/process.ts';
import { MACHINE, makeMachine } from './machine.ts';
import { startServer, type TestServer } from './server.ts';

const CLUSTER_IP = '10.96.0.80';
const ENDPOINT = '10.244.1.5';
const URL = `http://${CLUSTER_IP}/`;
const OBJECTS = `
apiVersion: v1
kind: Node
metadata: { name: node1 }
spec: { podCIDR: 10.244.1.0/24, podCIDRs: [10.244.1.0/24] }
status: { addresses: [{ type: InternalIP, address: ${MACHINE} }] }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: default }
spec: { type: NodePort, clusterIP: ${CLUSTER_IP}, ports: [{ port: 80, nodePort: 30080 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: default, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 8080, name: "" }]
endpoints: [{ addresses: [${ENDPOINT}], nodeName: node1 }]
`;

let server: TestServer;
let web: ChildProcess;

before(async () => {
  await makeMachine();
  await runCommand(['mount', '-t', 'tmpfs', 'tmpfs', '/run']);
  await runCommand(['ip', 'netns', 'add', 'pod']);
  await runCommand(['ip', '-batch', '-'], {
    input: [
      'link add pod0 type veth peer name eth0 netns pod',
      'address add 10.244.1.1/24 dev pod0',
      'link set pod0 up',
    ].join('\n'),
  });
  await runCommand(['ip', '-netns', 'pod', '-batch', '-'], {
    input: [
      'link set lo up',
      `address add ${ENDPOINT}/24 dev eth0`,
      'link set eth0 up',
      'route add default via 10.244.1.1',
    ].join('\n'),
  });
  const serve =
    "require('node:http').createServer((_, answer) => answer.end('pod')).listen(8080, () => console.log('ready'))";
  web = spawn('ip', ['netns', 'exec', 'pod', process.execPath, '-e', serve], { stdio: ['ignore', 'pipe', 'inherit'] });
  await firstLine(web);
  server = await startServer();
  await server.kubectl(['create', '-f', '-'], OBJECTS);
});

after(async () => {
  web.kill();
  await server.stop();
});

function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child;
  if (stdout === null) throw new Error('it has no output');
  return new Promise((resolve, reject) => {
    createInterface({ input: stdout }).once('line', resolve);
    child.once('exit', (code) => reject(new Error(`it ended with ${code}`)));
  });
}

async function startProxy(...flags: readonly string[]): Promise<ChildProcess> {
  const argv = [
    'proxy',
    '--kubeconfig',
    server.kubeconfig,
    '--node',
    'node1',
    '--cluster-cidr',
    '10.244.0.0/16',
    ...flags,
  ];
  const child = spawn(PROGRAM, argv, { stdio: ['ignore', 'pipe', 'inherit'] });
  assert.equal(await firstLine(child), 'ready');
  return child;
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill(signal);
  });
}

async function get(url: string): Promise<string> {
  const { stdout } = await runCommand(['curl', '-sS', '-m', '3', url]);
  return stdout;
}

const ruleset = async () => (await runCommand(['nft', 'list', 'ruleset'])).stdout;

test('it forwards, and goes on doing so when it is killed; another run follows what changes', async () => {
  const first = await startProxy();
  assert.equal(await get(URL), 'pod');
  assert.equal(await get(`http://${MACHINE}:30080/`), 'pod');
  assert.match(await get(`http://${MACHINE}:10256/healthz`), /"nodeEligible": ?true/);
  assert.match(await get('http://127.0.0.1:10249/metrics'), /^# HELP /);
  await end(first, 'SIGKILL');
  assert.equal(await get(URL), 'pod');
  const second = await startProxy();
  await server.kubectl(['delete', 'endpointslice', 'web-1']);
  await server.eventually(async () => ((await refused(URL)) ? true : undefined));
  await server.kubectl(['create', '-f', '-'], OBJECTS.split('---').at(-1));
  await server.eventually(async () => get(URL).catch(() => undefined));
  assert.equal(await end(second, 'SIGTERM'), 0);
  assert.equal(await get(URL), 'pod');
});

const refused = (url: string): Promise<boolean> =>
  get(url).then(
    () => false,
    // curl: 7 is "failed to connect".
    (error) => error instanceof CommandError && error.code === 7,
  );

test('a Node that is made anew, with other prefixes of pods, is served as it then is', async () => {
  const proxy = await startProxy();
  const prefixes = async () => (await runCommand(['nft', 'list', 'set', 'ip', 'postern-proxy', 'node-pods'])).stdout;
  assert.match(await prefixes(), /10\.244\.1\.0\/24/);
  await server.kubectl(['delete', 'node', 'node1']);
  await server.kubectl(['create', '-f', '-'], OBJECTS.split('---')[0]?.replaceAll('10.244.1.0/24', '10.244.1.0/25'));
  await server.eventually(async () => (/10\.244\.1\.0\/25/.test(await prefixes()) ? true : undefined));
  assert.equal(await get(`http://${MACHINE}:30080/`), 'pod');
  assert.equal(await end(proxy, 'SIGTERM'), 0);
});

test('cleaning up leaves the machine as it was, and what others put there', async () => {
  await runCommand(['nft', 'add', 'table', 'ip', 'theirs']);
  await runCommand([PROGRAM, 'proxy', 'cleanup']);
  assert.equal(await ruleset(), 'table ip theirs {\n}\n');
});

test('another mode takes over at the next start, and nothing of the first is left', async () => {
  await end(await startProxy(), 'SIGTERM');
  const other = await startProxy('--mode', 'iptables');
  assert.equal(await get(URL), 'pod');
  assert.doesNotMatch(await ruleset(), /postern-proxy/);
  assert.match((await runCommand(['iptables-save', '-t', 'nat'])).stdout, /"default\/web"/);
  await end(other, 'SIGTERM');
  await end(await startProxy('--mode', 'nftables', '--on-stop', 'end'), 'SIGTERM');
  assert.doesNotMatch((await runCommand(['iptables-save'])).stdout, /POSTERN/);
  await runCommand(['nft', 'flush', 'ruleset']);
  await runCommand(['nft', 'add', 'table', 'ip', 'theirs']);
});

test('what postern render prints is what a proxy loads', async () => {
  await runCommand(['nft', 'flush', 'ruleset']);
  const flags = ['--pod-bridge', 'cni0', '--masquerade-all', '--localhost-nodeports'];
  const proxy = await startProxy(...flags);
  const loaded = await ruleset();
  await end(proxy, 'SIGTERM');
  await runCommand([PROGRAM, 'proxy', 'cleanup']);
  const objects = (await server.kubectl(['get', 'services,endpointslices,nodes', '-A', '-o', 'yaml'])).stdout;
  const argv = ['render', '-f', '-', '--node', 'node1', '--cluster-cidr', '10.244.0.0/16', ...flags];
  const { stdout: script } = await runCommand([PROGRAM, ...argv], { input: objects });
  await runCommand(['nft', '-f', '-'], { input: script });
  assert.equal(await ruleset(), loaded);
  await runCommand(['nft', 'flush', 'ruleset']);
  await runCommand(['nft', 'add', 'table', 'ip', 'theirs']);
});

test('a machine without nftables is served by iptables, and cleaned up', async () => {
  const found = (await runCommand(['sh', '-c', 'command -v nft; ldconfig -p | sed -n "s/.*libnftables.* => //p"']))
    .stdout;
  const files = found.trim().split('\n');
  for (const file of files) await runCommand(['mount', '--bind', '/dev/null', file]);
  try {
    const proxy = await startProxy('--mode', 'iptables');
    assert.equal(await get(URL), 'pod');
    await end(proxy, 'SIGTERM');
    await runCommand([PROGRAM, 'proxy', 'cleanup']);
  } finally {
    for (const file of files) await runCommand(['umount', file]);
  }
  assert.doesNotMatch((await runCommand(['iptables-save'])).stdout, /POSTERN/);
  await runCommand(['nft', 'flush', 'ruleset']);
  await runCommand(['nft', 'add', 'table', 'ip', 'theirs']);
});

test('with --on-stop end, it cleans up itself', async () => {
  const proxy = await startProxy('--on-stop', 'end');
  assert.match(await ruleset(), /postern-proxy/);
  assert.equal(await end(proxy, 'SIGTERM'), 0);
  assert.equal(await ruleset(), 'table ip theirs {\n}\n');
});

test('a Node that the server does not have is named, with what to do', async () => {
  const argv = [PROGRAM, 'proxy', '--kubeconfig', server.kubeconfig, '--node', 'nowhere'];
  await assert.rejects(runCommand(argv), (error) => {
    assert(error instanceof CommandError);
    assert.match(error.stderr, /the server has no Node "nowhere"\n.*kubectl get nodes/);
    return true;
  });
});
