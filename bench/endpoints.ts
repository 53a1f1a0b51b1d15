/**
 * From a pod that gets ready to the slice that says so, with 10,000 Services there; what of a Service with 5,000 endpoints
 * is written when one of them changes; and what the server weighs with 10,000 Services and 50,000 endpoints, while they come and
 * once it is at rest.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { EndpointSlice } from '../src/api/discovery/v1/endpointslice.ts';
import type { Client } from '../src/client/client.ts';
import { createClient } from '../src/client/http-client.ts';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { startServer } from '../test/e2e/server.ts';
import { Connection } from './api/connection.ts';
import {
  addressOf,
  type BenchPod,
  createPod,
  createService,
  each,
  type Send,
  sendOn,
  startNode,
  writeStatus,
} from './api/objects.ts';
import { quantile, report } from './harness.ts';

const SERVICES = 10_000;
/** Endpoints while times are taken, and when memory is. */
const [SOME, ALL] = [10_000, 50_000];
/** Of which this many belong to the last Service. */
const LARGE = 5000;
const CLIENTS = 16;
const CHANGES = 300;
const LARGE_CHANGES = 50;
/** Between two changes, so that each is measured by itself. */
const APART = 20;
/** After the last write, before the server is weighed: what it held to be fast takes it some seconds to give back. */
const REST = 20_000;
/** Between two weighings under load. */
const WEIGHING = 500;

const NODE = 'bench';

const appOf = (pod: number) => `s-${pod < LARGE ? SERVICES - 1 : pod % (SERVICES - 1)}`;
const podOf = (number: number): BenchPod => ({ number, app: appOf(number), node: NODE });

/** Follows all slices; tells when an address is first seen ready or not ready, and how many writes were seen. */
class SliceWatch {
  writes = 0;
  readonly #ready = new Map<string, boolean>();
  readonly #waiting = new Map<string, () => void>();

  async follow(client: Client, signal: AbortSignal): Promise<void> {
    const { resourceVersion } = await client.list(EndpointSlice);
    for await (const event of client.watch(EndpointSlice, { resourceVersion }, signal)) {
      if (event.type === 'BOOKMARK') continue;
      this.writes++;
      for (const { addresses, conditions } of event.object.endpoints) {
        const [ip = ''] = addresses;
        const ready = conditions?.ready ?? true;
        this.#ready.set(ip, ready);
        const key = `${ip} ${ready}`;
        this.#waiting.get(key)?.();
        this.#waiting.delete(key);
      }
    }
  }

  get ready(): number {
    return [...this.#ready.values()].filter(Boolean).length;
  }

  /** Milliseconds of the monotonic clock at which the address is seen so. */
  seen(ip: string, ready: boolean): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(`${ip} ${ready}`, () => resolve(performance.now())));
  }
}

interface Change {
  /** From the request's sending, and from its answer, to the watcher; milliseconds. */
  readonly sinceSent: number;
  readonly sinceAnswered: number;
  readonly writes: number;
}

async function change(send: Send, watch: SliceWatch, pod: number, ready: boolean): Promise<Change> {
  const before = watch.writes;
  const seen = watch.seen(addressOf(pod), ready);
  const sent = performance.now();
  await writeStatus(send, podOf(pod), ready);
  const answered = performance.now();
  const at = await seen;
  await sleep(APART);
  return { sinceSent: at - sent, sinceAnswered: Math.max(0, at - answered), writes: watch.writes - before };
}

/** Pods that get ready: each is made not ready first. */
async function changes(send: Send, watch: SliceWatch, pods: readonly number[]): Promise<readonly Change[]> {
  const found: Change[] = [];
  for (const pod of pods) {
    await change(send, watch, pod, false);
    found.push(await change(send, watch, pod, true));
  }
  return found;
}

/** Resident memory of a process in MB. https://man7.org/linux/man-pages/man5/proc_pid_status.5.html */
function resident(pid: number): number {
  return Number(/VmRSS:\s*(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024;
}

/** Weighs a process until it is asked for the most, in MB, or the signal is aborted. */
function startWeighing(pid: number, signal: AbortSignal): () => number {
  let most = 0;
  const timer = setInterval(() => {
    most = Math.max(most, resident(pid));
  }, WEIGHING);
  signal.addEventListener('abort', () => clearInterval(timer), { once: true });
  return () => {
    clearInterval(timer);
    return most;
  };
}

/** Waits until all endpoints are in slices and nothing is written any more; Endpoints objects follow half a second later. */
async function settled(watch: SliceWatch, endpoints: number): Promise<void> {
  while (watch.ready < endpoints) await sleep(200);
  for (let before = -1; before !== watch.writes; ) {
    before = watch.writes;
    await sleep(3000);
  }
}

const server = await startServer();
const ended = new AbortController();
try {
  const endpoint = await loadKubeconfig(server.kubeconfig);
  const client = createClient(endpoint);
  const connections = await Promise.all(Array.from({ length: CLIENTS }, () => Connection.open(endpoint)));
  // Each sends one request at a time: beats of the node's heart have one of their own, and so have the changes that are measured.
  const [beating, one] = [await Connection.open(endpoint), await Connection.open(endpoint)];
  const stopNode = await startNode(sendOn(beating), NODE);
  const watch = new SliceWatch();
  const watching = watch.follow(client, ended.signal);
  await each(connections, SERVICES, (send, i) => createService(send, `s-${i}`));
  await each(connections, SOME, (send, i) => createPod(send, podOf(i)));
  await settled(watch, SOME);
  const spread = Array.from({ length: CHANGES }, (_, i) => LARGE + i * 13);
  const small = await changes(sendOn(one), watch, spread);
  const large = await changes(
    sendOn(one),
    watch,
    Array.from({ length: LARGE_CHANGES }, (_, i) => i * 97),
  );
  const heaviest = startWeighing(server.pid(), ended.signal);
  await each(connections, ALL - SOME, (send, i) => createPod(send, podOf(SOME + i)));
  await settled(watch, ALL);
  const peak = heaviest();
  await sleep(REST);
  const weight = resident(server.pid());
  ended.abort();
  await watching.catch(() => {}); // The watch ends with what ended it.
  stopNode();
  for (const connection of [beating, one, ...connections]) connection.close();
  client.close();
  const since = small.map(({ sinceAnswered }) => sinceAnswered);
  report(
    [
      { what: 'pod ready sent to its slice seen', unit: 'ms', samples: small.map(({ sinceSent }) => sinceSent) },
      { what: 'pod ready written to its slice seen', unit: 'ms', samples: since },
      { what: `the same of ${LARGE} endpoints`, unit: 'ms', samples: large.map(({ sinceAnswered }) => sinceAnswered) },
      { what: `slices written, of ${LARGE} endpoints`, unit: 'writes', samples: large.map(({ writes }) => writes) },
      { what: 'memory of the server, while they come', unit: 'MB', samples: [peak] },
      { what: `the same, ${REST / 1000} s after the last`, unit: 'MB', samples: [weight] },
    ],
    [
      { name: 'endpoint-to-slice-p99', value: quantile(since, 0.99), unit: 'ms', goal: 10 },
      {
        name: 'endpoint-slices-written',
        value: Math.max(...large.map(({ writes }) => writes)),
        unit: 'writes',
        goal: 2,
      },
      { name: 'endpoint-memory', value: weight, unit: 'MB', goal: 350 },
    ],
  );
} finally {
  ended.abort();
  await server.stop();
}
