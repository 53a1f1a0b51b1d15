/** A process that opens a store as root and then uses it as nobody: `drop-root.fixture.ts DIR`. Prints what it did. */
import { openLmdbStore } from './lmdb-store.ts';

const NOBODY = 65534;
const [dir = ''] = process.argv.slice(2);

const store = await openLmdbStore({ dir });
process.setgroups?.([]);
process.setgid?.(NOBODY);
process.setuid?.(NOBODY);
// Far beyond the first mapping, so that LMDB has to map the file anew.
for (let i = 0; i < 40; i++)
  await store.txn([], [{ kind: 'put', key: `k${i}`, value: new Uint8Array(500_000).fill(i) }]);
await store.compact(20);
const { entries } = await store.list('');
const sound = entries.every(({ key, value }) => value.every((byte) => `k${byte}` === key));
process.stdout.write(JSON.stringify({ uid: process.getuid?.(), entries: entries.length, sound }));
await store.close();
