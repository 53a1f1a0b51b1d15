/**
 * Durable writes of single keys to an etcd, with 64 clients at once: through the store, and straight, by the same gRPC client.
 * In rounds that alternate, so that neither has the better moments of the machine.
 */
import { type Connection, connector } from '../../src/store/etcd/connection.ts';
import { type Scope, skipWithoutEtcd, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import type { Store } from '../../src/store/store.ts';
import { type Measured, median } from '../harness.ts';

const CLIENTS = 64;
const ROUNDS = 9;
/** Writes of each client in a round. */
const WRITES = 30;
const TIMEOUT = 30_000;

/** Nothing where etcd is not installed. */
export async function measureEtcd(value: Uint8Array): Promise<Measured> {
  const skip = skipWithoutEtcd();
  if (skip !== false) {
    console.log(`without etcd: ${skip}`);
    return { rows: [], figures: [] };
  }
  const cleaners: (() => void | Promise<void>)[] = [];
  const scope: Scope = { after: (clean) => void cleaners.push(clean) };
  try {
    return await measureMembers(scope, value);
  } finally {
    for (const clean of cleaners.reverse()) await clean();
  }
}

async function measureMembers(scope: Scope, value: Uint8Array): Promise<Measured> {
  const etcd = await startEtcd(scope, { members: 3, durable: true });
  const store = await etcd.open(scope, { timeout: TIMEOUT });
  const leader = await etcd.leader();
  const connection = (await connector({}))(leader.endpoint);
  scope.after(() => connection.close());
  const straight: number[] = [];
  const through: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const rates = [await perSecond(straightWrite(connection, value)), await perSecond(storeWrite(store, value))];
    // The first is for warming up.
    if (round === 0) continue;
    straight.push(rates[0] ?? Number.NaN);
    through.push(rates[1] ?? Number.NaN);
  }
  return {
    rows: [
      { what: `etcd of 3, straight, ${CLIENTS} clients`, unit: 'writes/s', samples: straight },
      { what: `etcd of 3, through the store, ${CLIENTS} clients`, unit: 'writes/s', samples: through },
    ],
    figures: [
      {
        name: 'store-etcd-writes-to-etcd-itself',
        value: median(through) / median(straight),
        unit: 'times',
        goal: 0.5,
        atLeast: true,
      },
    ],
  };
}

/** Writes a second, of all clients together. */
async function perSecond(write: (key: string) => Promise<unknown>): Promise<number> {
  const start = performance.now();
  const client = async (_: unknown, i: number): Promise<void> => {
    for (let n = 0; n < WRITES; n++) await write(`/registry/bench/${i}`);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return (CLIENTS * WRITES * 1000) / (performance.now() - start);
}

function storeWrite(store: Store, value: Uint8Array): (key: string) => Promise<unknown> {
  return (key) => store.txn([], [{ kind: 'put', key, value }]);
}

/** What etcd does at the least: a transaction of one put, and nothing beside it. */
function straightWrite(connection: Connection, value: Uint8Array): (key: string) => Promise<unknown> {
  return (key) => {
    const put = { requestPut: { key: Buffer.from(key), value } };
    return connection.call('Txn', { compare: [], success: [put], failure: [] }, TIMEOUT);
  };
}
