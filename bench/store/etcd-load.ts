/** Durable writes to an etcd of three members, with 64 clients at once: what benches of it have in common. */
import { connector } from '../../src/store/etcd/connection.ts';
import { type EtcdFixture, type Scope, skipWithoutEtcd, startEtcd } from '../../src/store/etcd/etcd.fixture.ts';
import { type Figure, type Measured, median } from '../harness.ts';

export const CLIENTS = 64;
const ROUNDS = 9;
/** Writes of each client in a round. */
const WRITES = 30;
export const TIMEOUT = 30_000;

/** One write: by which client, and its how many in all. */
export type Write = (client: number, n: number) => Promise<unknown>;

/** Measures with an etcd whose data is on disk; nothing where etcd is not installed. */
export async function withEtcd(measure: (etcd: EtcdFixture, scope: Scope) => Promise<Measured>): Promise<Measured> {
  const skip = skipWithoutEtcd();
  if (skip !== false) {
    console.log(`without etcd: ${skip}`);
    return { rows: [], figures: [] };
  }
  const cleaners: (() => void | Promise<void>)[] = [];
  const scope: Scope = { after: (clean) => void cleaners.push(clean) };
  try {
    return await measure(await startEtcd(scope, { members: 3, durable: true }), scope);
  } finally {
    for (const clean of cleaners.reverse()) await clean();
  }
}

/** The least that etcd does for a write: at its leader, a transaction of one put, and nothing beside it. */
export async function straightWrites(
  etcd: EtcdFixture,
  scope: Scope,
  { value, keyOf }: { readonly value: Uint8Array; readonly keyOf: (client: number, n: number) => string },
): Promise<Write> {
  const connection = (await connector({}))((await etcd.leader()).endpoint);
  scope.after(() => connection.close());
  return (client, n) => {
    const put = { requestPut: { key: Buffer.from(keyOf(client, n)), value } };
    return connection.call('Txn', { compare: [], success: [put], failure: [] }, TIMEOUT);
  };
}

/** Both ways of writing, in rounds that alternate, so that neither has the better moments of the machine. */
export async function compareWrites(
  straight: Write,
  { through, what, figure }: { readonly through: Write; readonly what: string; readonly figure: string },
): Promise<Measured> {
  const rates = { straight: [] as number[], through: [] as number[] };
  for (let round = 0; round <= ROUNDS; round++) {
    const [one, other] = [await perSecond(straight, round), await perSecond(through, round)];
    // The first is for warming up.
    if (round === 0) continue;
    rates.straight.push(one);
    rates.through.push(other);
  }
  const ratio: Figure = {
    name: figure,
    value: median(rates.through) / median(rates.straight),
    unit: 'times',
    goal: 0.5,
    atLeast: true,
  };
  return {
    rows: [
      { what: `etcd of 3, straight, ${CLIENTS} clients`, unit: 'writes/s', samples: rates.straight },
      { what: `${what}, ${CLIENTS} clients`, unit: 'writes/s', samples: rates.through },
    ],
    figures: [ratio],
  };
}

/** Writes a second, of all clients together. */
async function perSecond(write: Write, round: number): Promise<number> {
  const start = performance.now();
  const client = async (_: unknown, i: number): Promise<void> => {
    for (let n = 0; n < WRITES; n++) await write(i, round * WRITES + n);
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return (CLIENTS * WRITES * 1000) / (performance.now() - start);
}
