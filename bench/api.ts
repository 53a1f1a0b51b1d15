/**
 * What a write of a Service costs, through the real server over TLS, its controllers running and every answer on disk:
 * alone, with 64 clients at once, and with 10,000 Services there against 1,000.
 */
import { readFileSync } from 'node:fs';
import { loadKubeconfig } from '../src/client/kubeconfig.ts';
import { startServer, type TestServer } from '../test/e2e/server.ts';
import { Connection } from './api/connection.ts';
import { median, type Row, report } from './harness.ts';

const SERVICES = '/api/v1/namespaces/default/services';
const CLIENTS = 64;
const ALONE = 500;
const TOGETHER = 6000;
/** Creates before anything is timed: both sides' code is compiled by then. */
const WARM_UP = 2000;
const [SMALL, LARGE] = [1000, 10_000];
const ROUNDS = 8;
/** Rounds that do not count: the server that was filled further has compiled more of its code. */
const WARM_UP_ROUNDS = 3;
const WRITES_A_ROUND = 600;
const CLIENTS_OF_A_ROUND = 16;
const TICKS_A_SECOND = 100;

interface Side {
  readonly server: TestServer;
  readonly connections: readonly Connection[];
}

const service = (name: string) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, labels: { app: name } },
  spec: { ports: [{ name: 'http', port: 80, targetPort: 8080 }] },
});

async function start(): Promise<Side> {
  const server = await startServer();
  const endpoint = await loadKubeconfig(server.kubeconfig);
  return { server, connections: await Promise.all(Array.from({ length: CLIENTS }, () => Connection.open(endpoint))) };
}

async function stop({ server, connections }: Side): Promise<void> {
  for (const connection of connections) connection.close();
  await server.stop();
}

/** Milliseconds of each call, every connection making one after the other until `count` are done. */
async function timeEach(
  connections: readonly Connection[],
  count: number,
  call: (connection: Connection, i: number) => Promise<void>,
): Promise<number[]> {
  const samples: number[] = [];
  let next = 0;
  const work = async (connection: Connection) => {
    for (let i = next++; i < count; i = next++) {
      const began = performance.now();
      await call(connection, i);
      samples.push(performance.now() - began);
    }
  };
  await Promise.all(connections.map(work));
  return samples;
}

async function create(connection: Connection, name: string): Promise<void> {
  const { code, body } = await connection.request('POST', SERVICES, service(name));
  if (code !== 201) throw new Error(`creating ${name} was answered ${code} ${body}`);
}

async function remove(connection: Connection, name: string): Promise<void> {
  const { code, body } = await connection.request('DELETE', `${SERVICES}/${name}`, {});
  if (code !== 200) throw new Error(`deleting ${name} was answered ${code} ${body}`);
}

function fill({ connections }: Side, prefix: string, count: number): Promise<number[]> {
  return timeEach(connections, count, (connection, i) => create(connection, `${prefix}-${i}`));
}

/** Seconds of processor time that a process has used. https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function processorSeconds(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_A_SECOND;
}

interface Cost {
  /** Milliseconds of each write. */
  readonly latencies: number[];
  /** Milliseconds of the server's processor time per write, one sample a round. */
  readonly processor: number[];
}

/** The same writes against both servers in turn, so that whatever else the machine does falls on both alike. */
async function costs(sides: readonly Side[]): Promise<readonly Cost[]> {
  const found = sides.map((): Cost => ({ latencies: [], processor: [] }));
  for (let round = -WARM_UP_ROUNDS; round < ROUNDS; round++) {
    for (const [i, { server, connections }] of sides.entries()) {
      const before = processorSeconds(server.pid());
      const some = connections.slice(0, CLIENTS_OF_A_ROUND);
      const name = (n: number) => `cost${round}-${n}`;
      const latencies = await timeEach(some, WRITES_A_ROUND, (c, n) => create(c, name(n)));
      latencies.push(...(await timeEach(some, WRITES_A_ROUND, (c, n) => remove(c, name(n)))));
      if (round < 0) continue;
      found[i]?.latencies.push(...latencies);
      found[i]?.processor.push(((processorSeconds(server.pid()) - before) * 1000) / (2 * WRITES_A_ROUND));
    }
  }
  return found;
}

const large = await start();
const small = await start();
try {
  await fill(large, 'warm', WARM_UP);
  const alone = await timeEach(large.connections.slice(0, 1), ALONE, (c, i) => create(c, `alone-${i}`));
  const began = performance.now();
  const together = await fill(large, 'together', TOGETHER);
  const perSecond = (TOGETHER * 1000) / (performance.now() - began);
  await fill(large, 'rest', LARGE - WARM_UP - ALONE - TOGETHER);
  await fill(small, 'warm', SMALL);
  const [few, many] = await costs([small, large]);
  const rows: Row[] = [
    { what: 'a create, alone', unit: 'ms', samples: alone },
    { what: `a create, ${CLIENTS} clients`, unit: 'ms', samples: together },
    { what: `a create or delete at ${SMALL}`, unit: 'ms', samples: few?.latencies ?? [] },
    { what: `a create or delete at ${LARGE}`, unit: 'ms', samples: many?.latencies ?? [] },
    { what: `processor time of one at ${SMALL}`, unit: 'ms', samples: few?.processor ?? [] },
    { what: `processor time of one at ${LARGE}`, unit: 'ms', samples: many?.processor ?? [] },
  ];
  const ratio = (of: keyof Cost) => median(many?.[of] ?? []) / median(few?.[of] ?? []);
  report(rows, [
    { name: 'api-create-alone', value: median(alone), unit: 'ms', goal: 3 },
    { name: 'api-creates-together', value: 1000 / perSecond, unit: 'ms each', goal: 0.333 },
    { name: 'api-latency-at-10000-to-1000', value: ratio('latencies'), unit: 'times', goal: 1.2 },
    { name: 'api-processor-at-10000-to-1000', value: ratio('processor'), unit: 'times', goal: 1.2 },
  ]);
  console.log(`\n${Math.round(perSecond)} durable creates a second with ${CLIENTS} clients`);
} finally {
  await Promise.all([stop(large), stop(small)]);
}
