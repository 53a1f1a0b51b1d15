/** kubectl on real containers: run by `streams.test.ts` in a world for containers. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import WebSocket from 'ws';
import { startTestServer, type TestServer } from '../../../src/apiserver/testing/server.ts';
import { ApiServers } from '../../../src/client/api-servers.ts';
import { silentLogger } from '../../../src/host/log.ts';
import type { PodLookup } from '../../../src/pods/parts.ts';
import { startStreams } from '../../../src/pods/streams/streams.ts';
import { containerConfig, sandboxConfig } from '../../../src/pods/testing/configs.ts';
import { startContainerd, type TestContainerd } from '../../../src/pods/testing/containerd.ts';

const dir = mkdtempSync('/run/s-');
const ended = new AbortController();
let containerd: TestContainerd;
let api: TestServer;
let env: NodeJS.ProcessEnv;
/** Containers by `pod/name`, the latest run first. */
const runs = new Map<string, string[]>();
let sandbox: string;

before(async () => {
  [containerd, api] = await Promise.all([startContainerd({ dir }), startTestServer()]);
  mkdirSync(join(dir, 'home'));
  env = { PATH: process.env['PATH'], KUBECONFIG: await api.kubeconfig(), HOME: join(dir, 'home') };
  const node = await api.pki.issueClientCertificate({ commonName: 'system:node:n1', organizations: ['system:nodes'] });
  const servers = new ApiServers({
    server: `https://127.0.0.1:${api.server.port}`,
    caData: api.pki.caCertificate,
    clientCertificate: node.certificate,
    clientKey: node.key,
  });
  const options = { servers, nodeName: 'n1', pods: lookup, runtime: () => containerd.runtime, log: silentLogger };
  startStreams(options, ended.signal);
  await makePod('web', {
    talks: 'echo one; echo two; echo three; trap "exit 0" TERM; while :; do sleep 0.1; done',
    asks: 'while read -r line; do echo "heard $line"; done',
    serves: 'mkdir /www; echo page > /www/index.html; exec httpd -f -p 127.0.0.1:18080 -h /www',
  });
});
after(async () => {
  ended.abort();
  await api?.close();
  await containerd?.stop();
});

/** What the kubelet part knows of its pods, told by this file's own. */
const lookup: PodLookup = {
  pod: ({ namespace, name, uid }) => {
    const known = pods.get(name);
    return namespace === 'default' && (uid === undefined || known?.metadata.uid === uid) ? known : undefined;
  },
  container: async ({ name }, container, previous = false) => {
    const id = runs.get(`${name}/${container}`)?.[previous ? 1 : 0];
    if (id === undefined) return undefined;
    const { state, logPath } = await containerd.runtime.containerStatus(id);
    return { containerID: id, state, logPath, restartCount: 0 };
  },
  sandbox: async () => ({ id: sandbox }),
};
const pods = new Map<string, NonNullable<ReturnType<PodLookup['pod']>>>();

/** Starts a run of a container; the one before it becomes the previous one. */
async function startRun(pod: string, container: string, command: string): Promise<string> {
  const before = runs.get(`${pod}/${container}`) ?? [];
  const config = sandboxConfig({ name: pod, logDirectory: join(dir, 'logs', pod) });
  const options = { name: container, command: ['sh', '-c', command], attempt: before.length };
  const started = { ...containerConfig(options), stdin: container === 'asks' };
  const id = await containerd.runtime.createContainer(sandbox, started, config);
  await containerd.runtime.startContainer(id);
  runs.set(`${pod}/${container}`, [id, ...before]);
  return id;
}

/** Resolves when a run has ended. */
async function over(id: string): Promise<void> {
  while ((await containerd.runtime.containerStatus(id)).state !== 'EXITED');
}

async function makePod(name: string, commands: Readonly<Record<string, string>>): Promise<void> {
  const containers = Object.keys(commands).map((one) => ({ name: one, image: 'i', stdin: one === 'asks' }));
  const base = '/api/v1/namespaces/default/pods';
  const body = { apiVersion: 'v1', kind: 'Pod', metadata: { name }, spec: { nodeName: 'n1', containers } };
  const made = await api.call('POST', base, { body });
  assert.equal(made.code, 201, made.text);
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  const { body: pod } = await api.call('PUT', `${base}/${name}/status`, { body: { ...made.body, status } });
  pods.set(name, pod);
  const config = sandboxConfig({ name, logDirectory: join(dir, 'logs', name) });
  sandbox = await containerd.runtime.runSandbox(config);
  for (const [container, command] of Object.entries(commands)) await startRun(name, container, command);
}

interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function start(args: readonly string[]): ChildProcess {
  return spawn('kubectl', args, { env, cwd: dir });
}

async function kubectl(args: readonly string[], input?: string | Buffer): Promise<Result> {
  const child = start(args);
  const [stdout, stderr] = [output(child, 'stdout'), output(child, 'stderr')];
  // One that ends before it has read all of it is no mistake.
  child.stdin?.on('error', () => {}).end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout: stdout(), stderr: stderr() };
}

function output(child: ChildProcess, name: 'stdout' | 'stderr'): () => string {
  let text = '';
  child[name]?.setEncoding('utf8').on('data', (some: string) => {
    text += some;
  });
  return () => text;
}

/** Resolves when the program has printed what is looked for. */
async function printed(child: ChildProcess, pattern: RegExp): Promise<RegExpExecArray> {
  const text = output(child, 'stdout');
  for (;;) {
    const found = pattern.exec(text());
    if (found !== null) return found;
    assert.equal(child.exitCode, null, `kubectl ended: ${text()}`);
    await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'close')]);
  }
}

test('logs: lines, tails, times and limits, of one container or all', async () => {
  const logs = async (...args: readonly string[]) => (await kubectl(['logs', 'web', ...args])).stdout;
  assert.equal(await logs('-c', 'talks'), 'one\ntwo\nthree\n');
  assert.equal(await logs('-c', 'talks', '--tail=1'), 'three\n');
  assert.match(await logs('-c', 'talks', '--timestamps', '--tail=2'), /^\d{4}-\d\d-\S+ two\n\d{4}-\S+ three\n$/);
  assert.equal(await logs('-c', 'talks', '--limit-bytes=5'), 'one\nt');
  assert.equal(await logs('-c', 'talks', '--since-time=2100-01-01T00:00:00Z'), '');
  assert.match(await logs('--all-containers', '--prefix', '--tail=1'), /^\[pod\/web\/talks\] three$/m);
});

test('logs: what is not there is said in Kubernetes’ words', async () => {
  const previous = await kubectl(['logs', 'web', '-c', 'talks', '--previous']);
  assert.deepEqual(previous.code, 1);
  assert.match(previous.stderr, /previous terminated container "talks" in pod "web" not found/);
  assert.match((await kubectl(['logs', 'web', '-c', 'none'])).stderr, /container none is not valid for pod web/);
});

test('exec: output, errors, and the exit status', async () => {
  const script = 'echo to out; echo to err >&2; exit 7';
  const { code, stdout, stderr } = await kubectl(['exec', 'web', '-c', 'talks', '--', 'sh', '-c', script]);
  assert.deepEqual([code, stdout], [7, 'to out\n']);
  assert.match(stderr, /^to err\ncommand terminated with exit code 7\n$/);
  assert.deepEqual(await kubectl(['exec', 'web', '-c', 'talks', '--', 'true']), { code: 0, stdout: '', stderr: '' });
  const unknown = await kubectl(['exec', 'web', '-c', 'talks', '--', '/no/such/program']);
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /no such file or directory/);
});

test('exec -i: standard input is read to its end, however long', async () => {
  const input = Buffer.alloc(5_000_000, 'input ');
  const { code, stdout } = await kubectl(['exec', '-i', 'web', '-c', 'talks', '--', 'wc', '-c'], input);
  assert.deepEqual([code, stdout.trim()], [0, '5000000']);
  const echoed = await kubectl(['exec', '-i', 'web', '-c', 'talks', '--', 'cat'], input);
  assert.ok(echoed.stdout === input.toString());
});

test('exec -i: a command that ends before its input does is told of as it ended', async () => {
  const args = ['exec', '-i', 'web', '-c', 'talks', '--', 'sh', '-c', 'head -c 3; exit 4'];
  const { code, stdout } = await kubectl(args, Buffer.alloc(10_000, 'x'));
  assert.deepEqual([code, stdout], [4, 'xxx']);
});

test('exec -it: a terminal of the size that it has', async () => {
  const inside = 'kubectl exec -it web -c talks -- sh -c "sleep 0.3; stty size; tty"';
  const child = spawn('script', ['-qec', `stty rows 33 cols 77; ${inside}`, '/dev/null'], { env, cwd: dir });
  const text = output(child, 'stdout');
  child.stdin.end();
  await once(child, 'close');
  assert.match(text(), /33 77\r\n\/dev\/(pts\/\d+|console)\r\n/);
});

test('exec over SPDY, as older kubectls do it', async () => {
  env = { ...env, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'false', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'false' };
  try {
    const { code, stdout } = await kubectl(
      ['exec', '-i', 'web', '-c', 'talks', '--', 'sh', '-c', 'cat; exit 3'],
      'typed',
    );
    assert.deepEqual([code, stdout], [3, 'typed']);
    await forwardAndAsk();
  } finally {
    env = { ...env, KUBECTL_REMOTE_COMMAND_WEBSOCKETS: 'true', KUBECTL_PORT_FORWARD_WEBSOCKETS: 'true' };
  }
});

test('exec in a container that does not run says so', async () => {
  await makePod('over', { done: 'true' });
  await over(runs.get('over/done')?.[0] ?? '');
  const { code, stderr } = await kubectl(['exec', 'over', '--', 'true']);
  assert.equal(code, 1);
  assert.match(stderr, /container not found \("done"\)/);
});

test('attach -i: what is typed reaches the container, and what it says comes back; its log is followed meanwhile', async () => {
  const logs = start(['logs', '-f', 'web', '-c', 'asks']);
  const attached = start(['attach', '-i', 'web', '-c', 'asks']);
  attached.stdin?.write('hello\n');
  await Promise.all([printed(attached, /heard hello/), printed(logs, /^heard hello$/m)]);
  attached.kill();
  logs.kill();
});

test('logs -f ends with its container; the run before it is the previous one', async () => {
  await makePod('brief', { counts: 'echo one; sleep 0.3; printf two' });
  const { code, stdout } = await kubectl(['logs', '-f', 'brief']);
  assert.deepEqual([code, stdout], [0, 'one\ntwo']);
  await over(await startRun('brief', 'counts', 'echo three'));
  assert.equal((await kubectl(['logs', 'brief', '--since=1h'])).stdout, 'three\n');
  assert.equal((await kubectl(['logs', 'brief', '--previous'])).stdout, 'one\ntwo');
});

test('cp: there and back', async () => {
  const bytes = Buffer.alloc(700_000, 'file ');
  writeFileSync(join(dir, 'there'), bytes);
  const there = await kubectl(['cp', 'there', 'web:/tmp/copy', '-c', 'talks']);
  assert.deepEqual(there, { code: 0, stdout: '', stderr: there.stderr });
  const back = await kubectl(['cp', 'web:/tmp/copy', 'back', '-c', 'talks']);
  assert.equal(back.code, 0, back.stderr);
  assert.ok(readFileSync(join(dir, 'back')).equals(bytes));
});

test('port-forward: many connections at once, and an error for each that cannot be made', forwardAndAsk);

test('port-forward for clients that speak WebSocket alone: two channels for each port, named in advance', async () => {
  const url = `wss://127.0.0.1:${api.server.port}/api/v1/namespaces/default/pods/web/portforward?ports=18080,18081`;
  const { certificate: cert, key } = api.admin;
  const client = new WebSocket(url, ['v4.channel.k8s.io'], { ca: api.pki.caCertificate, cert, key });
  const heard = new Map<number, string>();
  client.on('message', (data: Buffer) => {
    const channel = data[0] ?? -1;
    heard.set(channel, (heard.get(channel) ?? '') + data.toString('latin1', 1));
    client.emit('heard');
  });
  await once(client, 'open');
  client.send(Buffer.from('\0GET / HTTP/1.0\r\n\r\n'));
  while (!(heard.get(0) ?? '').includes('page') || !/refused/.test(heard.get(3) ?? '')) await once(client, 'heard');
  // Each channel begins with its port, the lesser byte first.
  assert.deepEqual([heard.get(0)?.slice(0, 2), heard.get(3)?.slice(0, 2)], ['\xa0\x46', '\xa1\x46']);
  client.close();
  await once(client, 'close');
});

test('nothing is left open', async () => {
  for (;;) {
    const { text } = await api.call('GET', '/metrics');
    if (/^postern_node_connections 0$/m.test(text)) break;
  }
});

async function forwardAndAsk(): Promise<void> {
  const child = start(['port-forward', '-v=4', 'pod/web', ':18080', ':18081']);
  const stderr = output(child, 'stderr');
  const [, good = ''] = await printed(child, /127\.0\.0\.1:(\d+) -> 18080/);
  const ask = async () =>
    (await (await fetch(`http://127.0.0.1:${good}/`, { headers: { connection: 'close' } })).text()).trim();
  assert.equal(await ask(), 'page');
  assert.deepEqual(new Set(await Promise.all(Array.from({ length: 20 }, ask))), new Set(['page']));
  child.kill();
  await once(child, 'close');
  // From WebSocket to SPDY, when it was not refused to be spoken from the start.
  assert.doesNotMatch(stderr(), /fallback|error/i);
  const other = start(['port-forward', 'pod/web', ':18081']);
  const told = output(other, 'stderr');
  const [, bad = ''] = await printed(other, /127\.0\.0\.1:(\d+) -> 18081/);
  const socket = connect(Number(bad), '127.0.0.1').on('error', () => {});
  socket.end('x');
  await Promise.all([once(socket, 'close'), once(other, 'close')]);
  assert.match(told(), /connection refused/);
}
