/**
 * Durable writes of single objects through three servers on an etcd of three members, with 64 clients at once, against the
 * same bytes written straight to that etcd, as many at once. In rounds that alternate, so that neither has the better moments.
 */
import type { Endpoint } from '../../src/client/client.ts';
import { loadKubeconfig } from '../../src/client/kubeconfig.ts';
import { connector, type Connection as EtcdConnection } from '../../src/store/etcd/connection.ts';
import { type Scope, skipWithoutEtcd, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { startServers } from '../../test/failure/loopback-servers.ts';
import { Connection } from '../api/connection.ts';
import { type Measured, median } from '../harness.ts';

const SERVERS = 3;
const CLIENTS = 64;
const ROUNDS = 9;
/** Writes of each client in a round. */
const WRITES = 30;
/** What the object says, in bytes: about a Pod's or a VirtualMachineInstance's. */
const SIZE = 3000;
const TIMEOUT = 30_000;
const PATH = '/api/v1/namespaces/default/configmaps';

/** Nothing where etcd is not installed. */
export async function measureServers(): Promise<Measured> {
  const skip = skipWithoutEtcd();
  if (skip !== false) {
    console.log(`without etcd: ${skip}`);
    return { rows: [], figures: [] };
  }
  const cleaners: (() => void | Promise<void>)[] = [];
  const scope: Scope = { after: (clean) => void cleaners.push(clean) };
  try {
    return await measure(scope);
  } finally {
    for (const clean of cleaners.reverse()) await clean();
  }
}

async function measure(scope: Scope): Promise<Measured> {
  const etcd = await startEtcd(scope, { members: 3, durable: true });
  const servers = await startServers(scope, etcd, SERVERS);
  const endpoints = await Promise.all(servers.map(({ server }) => loadKubeconfig(server.kubeconfig)));
  const connections = await Promise.all(
    Array.from({ length: CLIENTS }, (_, i) => Connection.open(endpoints[i % SERVERS] as Endpoint)),
  );
  scope.after(() => {
    for (const connection of connections) connection.close();
  });
  const straight = await straightTo(scope, (await etcd.leader()).endpoint);
  const rates = { straight: [] as number[], through: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const two = [
      await perSecond(straight),
      await perSecond((i, n) => createOne(connections[i], `c${round}-${i}-${n}`)),
    ];
    // The first is for warming up.
    if (round === 0) continue;
    rates.straight.push(two[0] ?? Number.NaN);
    rates.through.push(two[1] ?? Number.NaN);
  }
  return {
    rows: [
      { what: `etcd of 3, straight, ${CLIENTS} clients`, unit: 'writes/s', samples: rates.straight },
      { what: `${SERVERS} servers on it, ${CLIENTS} clients`, unit: 'writes/s', samples: rates.through },
    ],
    figures: [
      {
        name: 'servers-writes-to-etcd-itself',
        value: median(rates.through) / median(rates.straight),
        unit: 'times',
        goal: 0.5,
        atLeast: true,
      },
    ],
  };
}

/** Writes a second, of all clients together. */
async function perSecond(write: (client: number, n: number) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  const client = async (_: unknown, i: number): Promise<void> => {
    for (let n = 0; n < WRITES; n++) await write(i, n);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return (CLIENTS * WRITES * 1000) / (performance.now() - start);
}

async function createOne(connection: Connection | undefined, name: string): Promise<void> {
  const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { text: 'x'.repeat(SIZE) } };
  const answer = await connection?.request('POST', PATH, object);
  if (answer?.code !== 201) throw new Error(`creating ${name} was answered ${answer?.code} ${answer?.body}`);
}

/** What etcd does at the least: a transaction of one put of as many bytes, and nothing beside it. */
async function straightTo(scope: Scope, leader: string): Promise<(client: number, n: number) => Promise<unknown>> {
  const connection: EtcdConnection = (await connector({}))(leader);
  scope.after(() => connection.close());
  const value = new Uint8Array(SIZE).fill(65);
  let written = 0;
  return () => {
    const put = { requestPut: { key: Buffer.from(`/registry/bench/${written++}`), value } };
    return connection.call('Txn', { compare: [], success: [put], failure: [] }, TIMEOUT);
  };
}
