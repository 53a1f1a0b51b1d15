/**
 * A process that writes as fast as it can and says so, to be killed: `crash.fixture.ts DIR SEED`. Each line is
 * `REVISION KEY VALUE` of an answered put, or `compacted REVISION`.
 */
import { writeSync } from 'node:fs';
import { randomBelow, seededRandom } from '../../lib/random.ts';
import { openLmdbStore } from './lmdb-store.ts';

const WRITERS = 8;
/** Ends by itself, should nobody kill it. */
const WRITES = 2000;

const [dir = '', seed = ''] = process.argv.slice(2);
const random = seededRandom(Number(seed));
const store = await openLmdbStore({ dir });

async function write(): Promise<void> {
  for (let i = 0; i < WRITES / WRITERS; i++) {
    const key = `k${randomBelow(random, 40)}`;
    const value = `${randomBelow(random, 1e9)}`.padEnd(randomBelow(random, 6000), '.');
    const extra = { kind: 'delete', key: `d${randomBelow(random, 3)}` } as const;
    const result = await store.txn([], [{ kind: 'put', key, value: Buffer.from(value) }, extra]);
    if (result.ok) writeSync(1, `${result.revision} ${key} ${value}\n`);
    if (result.ok && result.revision % 100 === 0) {
      await store.compact(result.revision - 50);
      writeSync(1, `compacted ${result.revision - 50}\n`);
    }
  }
}

await Promise.all(Array.from({ length: WRITERS }, write));
await store.close();
