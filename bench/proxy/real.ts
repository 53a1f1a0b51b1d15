/**
 * `postern proxy` as a process, beside `postern server`, in this network namespace: how soon it is ready, what it weighs, what a few
 * changes a second cost it, and whether it keeps up with many. See `namespace.ts`.
 */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Service } from '../../src/api/core/v1/service.ts';
import type { EndpointSlice } from '../../src/api/discovery/v1/endpointslice.ts';
import { PROGRAM } from '../../src/cli/wiring/defaults.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { makeMachine } from '../../test/e2e/machine.ts';
import { startServer } from '../../test/e2e/server.ts';
import { Connection } from '../api/connection.ts';
import { difference } from './compare.ts';
import type { Load } from './load.ts';
import { input, output } from './namespace.ts';
import { objectsOf } from './objects.ts';

export interface Real extends Omit<Load, 'changes' | 'mode'> {
  /** Changes a second, and for how many seconds: few, then many. */
  readonly few: { readonly rate: number; readonly seconds: number };
  readonly many: { readonly rate: number; readonly seconds: number };
}

export interface Seen {
  /** Milliseconds from the program's start until the kernel had everything. */
  readonly ready: number;
  /** Resident memory once it is at rest, in MB. */
  readonly memory: number;
  /** The same after many changes. */
  readonly memoryAfter: number;
  /** Share of one core, at rest and with few changes. */
  readonly processor: { readonly rest: number; readonly few: number };
  readonly many: {
    readonly sent: number;
    /** Milliseconds from the arrival of a change to the end of its transaction, of the latest 4,096; the maximum of all. */
    readonly median: number;
    readonly p99: number;
    readonly max: number;
    /** Operations that would make the kernel's tables what the API's objects say. */
    readonly differences: number;
  };
}

const CLIENTS = 16;
/** Seconds until a process is at rest, and for which it is watched then. */
const [REST, WATCHED] = [10, 10];
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';
const STATUS = 'http://127.0.0.1:10249/status';
const NODE = {
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node1' },
  spec: { podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'] },
  status: { addresses: [{ type: 'InternalIP', address: '192.0.2.10' }] },
};

interface Status {
  readonly waiting: number;
  readonly changes: {
    readonly count: number;
    readonly medianMilliseconds: number;
    readonly p99Milliseconds: number;
    readonly slowest: readonly { readonly milliseconds: number }[];
  };
}

async function send(connection: Connection, method: string, path: string, body: object): Promise<void> {
  const answer = await connection.request(method, path, body);
  if (answer.code >= 300) throw new Error(`${method} ${path} was answered ${answer.code} ${answer.body.slice(0, 500)}`);
}

/** A Service as somebody would send it: the server chooses its addresses. */
function unassigned({ spec, status: _, ...service }: Service): object {
  const { clusterIPs = [], ...rest } = spec ?? {};
  return { ...service, spec: { ...rest, ipFamilyPolicy: clusterIPs.length > 1 ? 'RequireDualStack' : 'SingleStack' } };
}

/** Each piece of work once, on all connections at the same time. */
async function each<T>(
  connections: readonly Connection[],
  pieces: readonly T[],
  work: (connection: Connection, piece: T) => Promise<void>,
): Promise<void> {
  const rest = pieces.values();
  await Promise.all(
    connections.map(async (connection) => {
      for (const piece of rest) await work(connection, piece);
    }),
  );
}

/** Resident memory of a process in MB. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
function resident(pid: number): number {
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Seconds of processor time that a process has taken, in ticks of 10 ms. */
function processorTime(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /s, '')
    .split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

/** The share of a core that a process takes meanwhile. */
async function shareOfCore(pid: number, meanwhile: () => Promise<unknown>): Promise<number> {
  const [started, before] = [performance.now(), processorTime(pid)];
  await meanwhile();
  return (processorTime(pid) - before) / ((performance.now() - started) / 1000);
}

/** Replaces endpoints at a rate; each time another Service's, and another number of them with two changes of three. */
async function churn(
  connections: readonly Connection[],
  slices: readonly EndpointSlice[],
  { rate, seconds }: Real['few'],
): Promise<number> {
  const started = performance.now();
  const sent: Promise<void>[] = [];
  const idle = [...connections];
  for (let change = 0; change < rate * seconds; change++) {
    const wait = started + (change * 1000) / rate - performance.now();
    if (wait > 1) await sleep(wait);
    while (idle.length === 0) await Promise.race(sent.slice(-CLIENTS));
    const connection = idle.pop();
    const slice = slices[(change * 7919) % slices.length];
    if (connection === undefined || slice === undefined) throw new Error('there is nobody to send, or nothing');
    const prefix = slice.addressType === 'IPv4' ? '10.244.250.' : 'fd00:10:244:fa::';
    const count = slice.endpoints.length - 1 + (change % 3);
    const endpoints = Array.from({ length: count }, (_, host) => ({
      addresses: [`${prefix}${host + 1 + (change % 7)}`],
    }));
    const path = `${SLICES}/${slice.metadata.name}`;
    sent.push(send(connection, 'PUT', path, { ...slice, endpoints }).then(() => void idle.push(connection)));
  }
  await Promise.all(sent);
  return sent.length;
}

async function status(): Promise<Status> {
  return (await (await fetch(STATUS)).json()) as Status;
}

/** Waits until the proxy has nothing to do any more. */
async function settled(): Promise<Status> {
  for (let before = -1; ; await sleep(500)) {
    const now = await status();
    if (now.waiting === 0 && now.changes.count === before) return now;
    before = now.changes.count;
  }
}

async function measure(real: Real): Promise<Seen> {
  await makeMachine();
  const server = await startServer();
  const endpoint = await loadKubeconfig(server.kubeconfig);
  const connections = await Promise.all(Array.from({ length: CLIENTS }, () => Connection.open(endpoint)));
  const [first] = connections;
  if (first === undefined) throw new Error('there is no connection');
  await send(first, 'POST', '/api/v1/nodes', NODE);
  await send(first, 'PUT', '/api/v1/nodes/node1/status', NODE);
  const objects = objectsOf(real);
  await each(connections, objects, async (connection, [service, ...slices]) => {
    await send(connection, 'POST', '/api/v1/namespaces/default/services', unassigned(service));
    for (const slice of slices) await send(connection, 'POST', SLICES, slice);
  });
  const started = performance.now();
  const argv = ['proxy', '--kubeconfig', server.kubeconfig, '--node', 'node1'];
  const proxy = spawn(PROGRAM, [...argv, '--cluster-cidr', '10.244.0.0/16,fd00:10:244::/48'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await new Promise((resolve, reject) => {
      proxy.once('exit', (code) => reject(new Error(`the proxy ended with ${code}`)));
      createInterface({ input: proxy.stdout }).once('line', resolve);
    });
    const ready = performance.now() - started;
    const pid = proxy.pid ?? Number.NaN;
    await sleep(REST * 1000);
    const memory = resident(pid);
    const slices = objects.flatMap(([, ...own]) => own);
    const rest = await shareOfCore(pid, () => sleep(WATCHED * 1000));
    const few = await shareOfCore(pid, () => churn(connections, slices, real.few));
    const sent = await churn(connections, slices, real.many);
    const { changes } = await settled();
    const differences = await difference(endpoint, NODE.spec.podCIDRs);
    return {
      ...{ ready, memory, memoryAfter: resident(pid), processor: { rest, few } },
      many: {
        ...{ sent, differences, median: changes.medianMilliseconds, p99: changes.p99Milliseconds },
        max: Math.max(...changes.slowest.map(({ milliseconds }) => milliseconds)),
      },
    };
  } finally {
    proxy.kill('SIGTERM');
    for (const connection of connections) connection.close();
    await server.stop();
  }
}

output(await measure(input<Real>()));
