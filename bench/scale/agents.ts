/**
 * One server with as many agents as the bench is asked for: how long until a changed Service is known to all of them, what the
 * server weighs, and how busy it is.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Service } from '../../src/api/core/v1/service.ts';
import type { Client } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { createLogger } from '../../src/host/log.ts';
import { startServer } from '../../test/e2e/server.ts';
import type { Measured } from '../harness.ts';
import { startAgent } from './agent.ts';
import { processorSeconds, residentMegabytes } from './process.ts';

/** Agents that start at the same time. */
const AT_ONCE = 10;
const CHANGES = 100;
/** Milliseconds between two changes. */
const APART = 200;
/** Milliseconds until connections that agents needed for their lists alone are closed, and what they took is given back. */
const SETTLED = 100_000;
/** Milliseconds in which the server is looked at, with nothing but leases renewed. */
const QUIET = 20_000;
const KEY = { namespace: 'default', name: 'changed' };

export interface AgentsMeasured extends Measured {
  /** Milliseconds until every agent knew, one for each change. */
  readonly delays: readonly number[];
  /** Of the server, in megabytes. */
  readonly memory: number;
}

export async function measureAgents(count: number): Promise<AgentsMeasured> {
  const dir = await mkdtemp(join(tmpdir(), 'postern-scale-'));
  const names = Array.from({ length: count }, (_, i) => `node${i}`);
  const server = await startServer(names.flatMap((name) => ['--issue', `${name}=${join(dir, name)}`]));
  const ending = new AbortController();
  const client = createClient(await loadKubeconfig(server.kubeconfig));
  try {
    await client.create(Service, newService());
    const seen = new Seen();
    const connected = await connect(names, dir, seen, ending.signal);
    const pid = server.pid();
    const start = await processorSeconds(pid);
    const delays = await changes(client, seen, count);
    const perChange = ((await processorSeconds(pid)) - start) / CHANGES;
    const loaded = await residentMegabytes(pid);
    await sleep(SETTLED);
    const before = await processorSeconds(pid);
    await sleep(QUIET);
    const busy = ((await processorSeconds(pid)) - before) / (QUIET / 1000);
    const memory = await residentMegabytes(pid);
    return {
      delays,
      memory,
      rows: [
        { what: `change known to all of ${count} agents`, unit: 'ms', samples: delays },
        { what: `processor of the server, a change`, unit: 'ms', samples: [perChange * 1000] },
        { what: `${count} agents come back`, unit: 'ms', samples: [connected] },
        { what: `server that ${count} agents have just come to`, unit: 'MB', samples: [loaded] },
        { what: `server with ${count} agents`, unit: 'MB', samples: [memory] },
        { what: `processor of the server, ${count} agents at rest`, unit: '%', samples: [busy * 100] },
      ],
      figures: [],
    };
  } finally {
    ending.abort();
    client.close();
    await server.stop();
    await rm(dir, { recursive: true });
  }
}

/** As after a server's restart: nodes are there, and their agents come back together. Milliseconds until the last knows all. */
async function connect(names: readonly string[], dir: string, seen: Seen, signal: AbortSignal): Promise<number> {
  const log = createLogger('agent');
  const agents = await someAtOnce(names, async (nodeName, i) => {
    const endpoint = await loadKubeconfig(join(dir, nodeName));
    const address = `10.${100 + (i >> 8)}.${i & 255}.1`;
    return startAgent({ endpoint, nodeName, address, log, onService: (to) => seen.note(to) }, signal);
  });
  const began = performance.now();
  await someAtOnce(agents, (agent) => agent.follow());
  return performance.now() - began;
}

async function someAtOnce<T, R>(items: readonly T[], work: (item: T, i: number) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = [];
  let next = 0;
  const take = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await work(items[i] as T, i);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, take));
  return results;
}

async function changes(client: Client, seen: Seen, count: number): Promise<readonly number[]> {
  const delays: number[] = [];
  for (let i = 0; i < CHANGES; i++) {
    const all = seen.by(count, String(i));
    const began = performance.now();
    await client.patch(Service, KEY, { type: 'merge', body: { metadata: { annotations: { turn: String(i) } } } });
    delays.push((await all) - began);
    await sleep(APART);
  }
  return delays;
}

/** Counts who knows of the present change. */
class Seen {
  #turn = '';
  #left = 0;
  #done: (at: number) => void = () => {};

  by(count: number, turn: string): Promise<number> {
    this.#turn = turn;
    this.#left = count;
    return new Promise((resolve) => {
      this.#done = resolve;
    });
  }

  note({ metadata }: Service): void {
    if (metadata.annotations?.['turn'] !== this.#turn || metadata.name !== KEY.name) return;
    this.#left--;
    if (this.#left === 0) this.#done(performance.now());
  }
}

function newService(): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { ...KEY },
    spec: { ports: [{ name: 'http', protocol: 'TCP', port: 80 }] },
  };
}
