/**
 * The whole path on one machine: how fast `postern up` serves, how fast a guest answers behind a Service, how fast an
 * endpoint that gets ready is in the kernel, and what all of it weighs when idle. Runs in network and mount namespaces
 * of its own; needs root.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { get } from 'node:http';
import { get as getTLS } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseAllDocuments } from 'yaml';
import { Namespace } from '../src/api/core/v1/namespace.ts';
import { Node } from '../src/api/core/v1/node.ts';
import { Pod } from '../src/api/core/v1/pod.ts';
import { Service } from '../src/api/core/v1/service.ts';
import { EndpointSlice } from '../src/api/discovery/v1/endpointslice.ts';
import { VirtualMachine } from '../src/api/kubevirt/v1/virtualmachine.ts';
import { PROGRAM, PROGRAM_DIR } from '../src/cli/wiring/defaults.ts';
import type { Client } from '../src/client/client.ts';
import { createClient } from '../src/client/http-client.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { runCommand } from '../src/host/process.ts';
import { median, quantile, report } from './harness.ts';

const STARTS = 5;
const FIRST_ANSWERS = 3;
/** Endpoints, and the Services they are spread over. */
const ENDPOINTS = 250;
const SERVICES = 50;
const IDLE_FOR = 5000;
const NAMESPACE = 'bench';
const PORT = 6443;
/** A node without an agent, so that nobody but us says how its pods are. */
const ELSEWHERE = 'elsewhere';

async function main(): Promise<void> {
  await runCommand(['ip', 'link', 'set', 'lo', 'up']);
  await runCommand(['ip', 'link', 'add', 'lan0', 'type', 'veth', 'peer', 'name', 'lan1']);
  for (const args of [
    ['link', 'set', 'lan1', 'up'],
    ['link', 'set', 'lan0', 'up'],
    ['address', 'add', '192.0.2.10/24', 'dev', 'lan0'],
    ['address', 'add', 'fd00:192:0:2::10/64', 'dev', 'lan0', 'nodad'],
    ['route', 'add', 'default', 'via', '192.0.2.1'],
    ['-6', 'route', 'add', 'default', 'via', 'fd00:192:0:2::1'],
  ]) {
    await runCommand(['ip', ...args]);
  }
  const first = await startTimes(STARTS);
  const dir = await mkdtemp(join(tmpdir(), 'postern-bench-'));
  const up = await startUp(dir);
  try {
    await up.ready;
    const client = createClient(await loadKubeconfig(join(dir, 'kubeconfig')));
    await sleep(IDLE_FOR);
    const idle = await memory(up.child);
    await client.create(Namespace, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    const endpoints = await endpointTimes(client, ENDPOINTS);
    const answers = await firstAnswers(client, FIRST_ANSWERS);
    client.close();
    report(
      [
        { what: 'postern up to a ready API', unit: 's', samples: first },
        { what: 'apply of VM and Service to the first answer', unit: 's', samples: answers },
        { what: 'endpoint ready to the answer of the status write', unit: 'ms', samples: endpoints.written },
        { what: 'endpoint ready to its slice seen by a watcher', unit: 'ms', samples: endpoints.inSlice },
        { what: 'endpoint ready to rules in the kernel', unit: 'ms', samples: endpoints.inKernel },
        { what: 'memory of server and agent, idle', unit: 'MB', samples: [idle] },
      ],
      [
        { name: 'up-ready', value: median(first), unit: 's', goal: 1 },
        { name: 'first-answer', value: median(answers), unit: 's', goal: 6 },
        { name: 'endpoint-to-kernel-p99', value: quantile(endpoints.inKernel, 0.99), unit: 'ms', goal: 20 },
        { name: 'memory-idle', value: idle, unit: 'MB', goal: 200 },
      ],
    );
  } finally {
    await up.stop();
    await rm(dir, { recursive: true, force: true });
  }
}

interface Up {
  readonly child: ChildProcess;
  /** Resolves with the ready line. */
  readonly ready: Promise<string>;
  stop(): Promise<void>;
}

async function startUp(dir: string): Promise<Up> {
  const child = spawn(PROGRAM, ['up', '--data-dir', dir, '--listen', `127.0.0.1:${PORT}`, '--node-name', 'bench'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, POSTERN_LOG: 'warn' },
  });
  const ready = new Promise<string>((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`postern up ended with ${code}`)));
    createInterface({ input: child.stdout }).once('line', resolve);
  });
  return {
    child,
    ready,
    async stop() {
      ready.catch(() => {});
      const gone = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await gone;
    },
  };
}

/** Seconds from the start of the program, on a data directory of its own, to the first 200 of /readyz. */
async function startTimes(count: number): Promise<number[]> {
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const dir = await mkdtemp(join(tmpdir(), 'postern-bench-'));
    const started = performance.now();
    const up = await startUp(dir);
    while (!(await answers200())) await sleep(5);
    times.push((performance.now() - started) / 1000);
    await up.ready;
    await up.stop();
    await rm(dir, { recursive: true, force: true });
  }
  return times;
}

function answers200(): Promise<boolean> {
  return new Promise((resolve) => {
    const request = getTLS(
      { host: '127.0.0.1', port: PORT, path: '/readyz', rejectUnauthorized: false, agent: false },
      (response) => {
        response.resume();
        resolve(response.statusCode === 200);
      },
    );
    request.on('error', () => resolve(false));
  });
}

/** Milliseconds since the pod's Ready status was sent, a sample per endpoint. */
interface EndpointTimes {
  readonly written: number[];
  readonly inSlice: number[];
  readonly inKernel: number[];
}

/** Makes endpoints ready one after the other, and notes when the API, a watcher and the kernel's own monitor know. */
async function endpointTimes(client: Client, count: number): Promise<EndpointTimes> {
  await makeElsewhere(client);
  for (let i = 0; i < SERVICES; i++) {
    const name = `many-${i}`;
    await client.create(Service, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: NAMESPACE },
      spec: { selector: { app: name }, ports: [{ port: 80 }] },
    });
  }
  const ending = new AbortController();
  const kernel = new Sightings();
  const slices = new Sightings();
  const monitor = spawn('nft', ['-nn', 'monitor', 'new', 'elements'], { stdio: ['ignore', 'pipe', 'inherit'] });
  createInterface({ input: monitor.stdout }).on('line', (line) => kernel.saw(line));
  const watching = watchSlices(client, slices, ending.signal);
  await sleep(300);
  const times: EndpointTimes = { written: [], inSlice: [], inKernel: [] };
  try {
    for (let i = 0; i < count; i++) await makeReady(client, i, { times, kernel, slices });
  } finally {
    monitor.kill();
    ending.abort();
    await watching;
  }
  return times;
}

/** Ready, so that its pods count, and cordoned, so that no guest is sent there. */
async function makeElsewhere(client: Client): Promise<void> {
  await client.create(Node, {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: ELSEWHERE },
    spec: { unschedulable: true },
  });
  // A controller may have written it by now.
  const body = { status: { conditions: [{ type: 'Ready', status: 'True' }] } };
  await client.patch(Node, { name: ELSEWHERE }, { type: 'merge', body }, 'status');
}

async function watchSlices(client: Client, slices: Sightings, signal: AbortSignal): Promise<void> {
  const { resourceVersion } = await client.list(EndpointSlice, { namespace: NAMESPACE });
  try {
    for await (const event of client.watch(EndpointSlice, { namespace: NAMESPACE, resourceVersion }, signal)) {
      if (event.type !== 'BOOKMARK')
        slices.saw(`${event.object.endpoints?.map(({ addresses }) => addresses[0]).join(' . ')} .`);
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function makeReady(
  client: Client,
  i: number,
  { times, kernel, slices }: { times: EndpointTimes; kernel: Sightings; slices: Sightings },
): Promise<void> {
  const address = `10.244.200.${i + 1}`;
  const pod = await client.create(Pod, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `many-${i}`, namespace: NAMESPACE, labels: { app: `many-${i % SERVICES}` } },
    spec: { nodeName: ELSEWHERE, containers: [{ name: 'main', image: 'main' }] },
  });
  const seen = Promise.all([slices.of(`${address} .`), kernel.of(`${address} .`)]);
  const started = performance.now();
  await client.updateStatus(Pod, {
    ...pod,
    status: {
      phase: 'Running',
      podIP: address,
      podIPs: [{ ip: address }],
      conditions: [{ type: 'Ready', status: 'True' }],
    },
  });
  times.written.push(performance.now() - started);
  const [inSlice, inKernel] = await seen;
  times.inSlice.push(inSlice - started);
  times.inKernel.push(inKernel - started);
}

/** When texts were first seen in a stream. */
class Sightings {
  readonly #waiting = new Map<string, (at: number) => void>();

  /** Resolves with the time at which something that holds `text` is seen; rejects after five seconds. */
  of(text: string): Promise<number> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${text} was not seen in five seconds`)), 5000);
      this.#waiting.set(text, (at) => {
        clearTimeout(timer);
        this.#waiting.delete(text);
        resolve(at);
      });
    });
  }

  saw(stream: string): void {
    const now = performance.now();
    for (const [text, found] of this.#waiting) if (stream.includes(text)) found(now);
  }
}

/** Seconds from applying a virtual machine and its Service to the first HTTP answer at the cluster IP. */
async function firstAnswers(client: Client, count: number): Promise<number[]> {
  const text = await readFile(join(PROGRAM_DIR, 'examples/example-vm.yaml'), 'utf8');
  const template = parseAllDocuments(text)[0]?.toJS() as VirtualMachine;
  const times: number[] = [];
  for (let i = 0; i < count; i++) {
    const name = `guest-${i}`;
    const started = performance.now();
    const service = await client.create(Service, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: NAMESPACE },
      spec: { selector: { guest: name }, ports: [{ port: 80, targetPort: 9376 }] },
    });
    await client.create(VirtualMachine, {
      ...template,
      metadata: { name, namespace: NAMESPACE },
      spec: { ...template.spec, template: { ...template.spec.template, metadata: { labels: { guest: name } } } },
    });
    while (!(await answersHTTP(service.spec?.clusterIP ?? ''))) await sleep(10);
    times.push((performance.now() - started) / 1000);
    await client.delete(VirtualMachine, { namespace: NAMESPACE, name });
  }
  return times;
}

function answersHTTP(host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get({ host, port: 80, path: '/', timeout: 500, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/**
 * Megabytes of the program's own processes: the one that was started and its children that run it too. Proportional set
 * size, as /proc/PID/smaps_rollup has it: pages that both map, such as Node.js itself, count once.
 */
async function memory(up: ChildProcess): Promise<number> {
  let total = 0;
  for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
    const [status, argv] = await Promise.all([read(`/proc/${pid}/status`), read(`/proc/${pid}/cmdline`)]);
    const parent = Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]);
    if (!argv.includes('main.ts') || (Number(pid) !== up.pid && parent !== up.pid)) continue;
    const rollup = await read(`/proc/${pid}/smaps_rollup`);
    total += Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? 0) * 1024;
  }
  return total / 1e6;
}

/** A file of /proc; empty when its process has gone. */
async function read(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}

const INSIDE = 'POSTERN_BENCH_INSIDE';
if (process.env[INSIDE] === undefined) {
  const again = spawnSync(
    'unshare',
    ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', process.execPath, ...process.argv.slice(1)],
    { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } },
  );
  process.exitCode = again.status ?? 1;
} else {
  await main();
}
