/** Writes two keys in each transaction, always the same to both, until it is killed: `pairs.fixture.ts DIR`. */
import { openLmdbStore } from './lmdb-store.ts';

const [dir = ''] = process.argv.slice(2);
const store = await openLmdbStore({ dir });
for (let n = 1; ; n++) {
  const value = Buffer.from(`${n} `.repeat(2000));
  await store.txn(
    [],
    ['a', 'z'].map((key) => ({ kind: 'put', key, value }) as const),
  );
  if (n === 1) process.stdout.write('writing\n');
  if (n % 20 === 0) await store.compact(n - 10);
}
