/**
 * A process whose files may not grow beyond a limit that its parent set: `full-disk.fixture.ts DIR`. Writes until a
 * write fails, then tells what it sees, as one JSON object.
 */
import { openLmdbStore } from './lmdb-store.ts';

const [dir = ''] = process.argv.slice(2);
// Reaching the limit is then an error of the write and not the end of the process.
process.on('SIGXFSZ', () => {});

const store = await openLmdbStore({ dir });
let answered = 0;
let failure: unknown;
while (failure === undefined && answered < 1000) {
  try {
    await store.txn([], [{ kind: 'put', key: `k${answered}`, value: new Uint8Array(50_000) }]);
    answered++;
  } catch (error) {
    failure = error;
  }
}
const { entries, revision } = await store.list('');
const failed = failure instanceof Error ? { name: failure.name, message: failure.message } : undefined;
process.stdout.write(JSON.stringify({ answered, failed, listed: entries.length, revision }));
await store.close();
