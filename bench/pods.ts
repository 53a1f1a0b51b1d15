/**
 * Containers on a node: how fast one runs, how fast sixty do, what the agent weighs with them, and what a rolling update costs
 * its clients. On a lab of one node; needs root and containerd.
 */
import { readFile } from 'node:fs/promises';
import { isPodReady } from '../src/api/core/v1/pod.status.ts';
import { Pod } from '../src/api/core/v1/pod.ts';
import { Informers } from '../src/client/informers.ts';
import { createLogger } from '../src/host/log.ts';
import { labStatus } from '../src/lab/lab.ts';
import { BUSYBOX_IMAGE } from '../src/pods/testing/images.ts';
import { WEB } from '../test/e2e/pods/images.ts';
import { WAITING, webDeployment, webService } from '../test/e2e/pods/objects.ts';
import { World } from '../test/e2e/pods/world.ts';
import { type Measured, measureParts, median } from './harness.ts';

const NAMESPACE = 'default';
const ALONE = 20;
const AT_ONCE = 60;
const REPLICAS = 10;
const PER_SECOND = 200;
/** Milliseconds that anything here may take. */
const LIMIT = 120_000;

/** A pod that waits, and is ready once it runs. */
function waitingPod(name: string): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: NAMESPACE, labels: { bench: 'pods' } },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [{ name: 'main', image: BUSYBOX_IMAGE, command: [...WAITING] }],
    },
  };
}

/** Pods as a watcher sees them. */
class Watched {
  readonly #waiting = new Set<() => void>();
  readonly #pods: ReturnType<Informers['of']>;

  private constructor(informers: Informers) {
    this.#pods = informers.of(Pod);
    this.#pods.onChange(() => {
      for (const look of [...this.#waiting]) look();
    });
  }

  static async start(world: World, signal: AbortSignal): Promise<Watched> {
    const informers = new Informers({ client: world.client, log: createLogger('bench') });
    const watched = new Watched(informers);
    await informers.start(signal);
    return watched;
  }

  /** Resolves once `holds` says so of all pods, as they are after each change. */
  until(what: string, holds: (pods: readonly Pod[]) => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(reject, new Error(`${what}: not within ${LIMIT} ms`)), LIMIT);
      const end = <T>(settle: (value: T) => void, value: T) => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        settle(value);
      };
      const look = () => {
        if (holds(this.#pods.list() as readonly Pod[])) end(resolve, undefined);
      };
      this.#waiting.add(look);
      look();
    });
  }
}

/** Milliseconds from a create to Running and Ready, one pod after the other, and from a delete until it is gone. */
async function alone(world: World, watched: Watched): Promise<Measured> {
  const running: number[] = [];
  const gone: number[] = [];
  for (let i = 0; i < ALONE; i++) {
    const name = `alone-${i}`;
    const find = (pods: readonly Pod[]) => pods.find(({ metadata }) => metadata.name === name);
    const began = performance.now();
    await world.client.create(Pod, waitingPod(name));
    await watched.until(`${name} runs`, (pods) => find(pods)?.status?.phase === 'Running');
    running.push(performance.now() - began);
    const asked = performance.now();
    await world.client.delete(Pod, { namespace: NAMESPACE, name });
    await watched.until(`${name} is gone`, (pods) => find(pods) === undefined);
    gone.push(performance.now() - asked);
  }
  return {
    rows: [
      { what: 'create of a pod until it runs', unit: 'ms', samples: running },
      { what: 'delete of a pod until it is gone', unit: 'ms', samples: gone },
    ],
    figures: [{ name: 'pod-running-p50', value: median(running), unit: 'ms', goal: 500 }],
  };
}

/** Seconds until sixty pods that are made at once are ready, and what the agent weighs then. */
async function atOnce(world: World, watched: Watched): Promise<Measured> {
  const names = Array.from({ length: AT_ONCE }, (_, i) => `at-once-${i}`);
  const ready: number[] = [];
  const began = performance.now();
  const all = watched.until('all are ready', (pods) => {
    const count = pods.filter(isPodReady).length;
    while (ready.length < count) ready.push((performance.now() - began) / 1000);
    return count >= AT_ONCE;
  });
  await Promise.all(names.map((name) => world.client.create(Pod, waitingPod(name))));
  await all;
  const seconds = (performance.now() - began) / 1000;
  const megabytes = await agentMemory(world);
  await Promise.all(names.map((name) => world.client.delete(Pod, { namespace: NAMESPACE, name })));
  await watched.until('all are gone', (pods) => pods.length === 0);
  return {
    rows: [
      { what: `${AT_ONCE} pods at once: each ready after`, unit: 's', samples: ready },
      { what: `memory of the agent with ${AT_ONCE} pods`, unit: 'MB', samples: [megabytes] },
    ],
    figures: [
      { name: 'pods-60-ready', value: seconds, unit: 's', goal: 30 },
      { name: 'agent-memory-60-pods', value: megabytes, unit: 'MB', goal: 250 },
    ],
  };
}

/** Proportional set size of the node's agent. */
async function agentMemory(world: World): Promise<number> {
  const [node] = world.nodes;
  const pid = labStatus(world.dir).processes.find(({ name }) => name === node?.name)?.pid;
  const rollup = await readFile(`/proc/${pid}/smaps_rollup`, 'utf8');
  return (Number(/^Pss:\s+(\d+)/m.exec(rollup)?.[1] ?? Number.NaN) * 1024) / 1e6;
}

/** What becomes of requests, each over a connection of its own, while every pod behind a Service is replaced. */
async function rollingUpdate(world: World): Promise<Measured> {
  await world.apply(webDeployment('web', REPLICAS), webService('web'));
  await rolledOut(world);
  const port = await world.kubectl(['get', 'service', 'web', '-o', 'jsonpath={.spec.ports[0].nodePort}']);
  const urls = (world.nodes[0]?.addresses ?? []).map(
    (address) => `http://${address.includes(':') ? `[${address}]` : address}:${port}/`,
  );
  const requests = world.requests('client', { urls, perSecond: PER_SECOND });
  await world.eventually('requests are answered', async () => (requests.answers.length > 0 ? true : undefined));
  const began = performance.now();
  await world.kubectl(['set', 'image', 'deployment/web', `web=${WEB('v2')}`]);
  await rolledOut(world);
  const seconds = (performance.now() - began) / 1000;
  const answers = await requests.stop();
  const failed = answers.filter(({ answered }) => !answered);
  await world.kubectl(['delete', 'deployment,service', 'web']);
  for (const { text } of failed.slice(0, 5)) console.error(`failed: ${text}`);
  return {
    rows: [
      {
        what: `requests while ${REPLICAS} pods are replaced`,
        unit: 'ms',
        samples: answers.map((each) => each.milliseconds),
      },
      { what: 'the whole roll-out', unit: 's', samples: [seconds] },
      { what: 'requests that failed', unit: 'requests', samples: [failed.length] },
    ],
    figures: [{ name: 'rolling-update-failed', value: failed.length, unit: 'requests', goal: 1 }],
  };
}

async function rolledOut(world: World): Promise<void> {
  await world.kubectl(['rollout', 'status', 'deployment/web', '--timeout=110s'], { timeout: LIMIT });
}

const ending = new AbortController();
const world = await World.open({ nodes: 1 });
try {
  const watched = await Watched.start(world, ending.signal);
  await measureParts({
    alone: () => alone(world, watched),
    'at-once': () => atOnce(world, watched),
    'rolling-update': () => rollingUpdate(world),
  });
} finally {
  ending.abort();
  await world.close();
}
