/**
 * What a durable write costs: alone, against the bare syncs that it cannot do without, and with others who share the
 * sync; how soon a watcher hears of it; and what a list costs, at three sizes. And durable writes to an etcd with 64 clients,
 * through the store against the same calls without it.
 */
import { closeSync, constants, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openLmdbStore } from '../src/store/lmdb/lmdb-store.ts';
import type { Operation, Store } from '../src/store/store.ts';
import { type Figure, median, type Row, report } from './harness.ts';
import { measureEtcd } from './store/etcd.ts';

const WRITES = 500;
/** About what a Pod or a VirtualMachineInstance takes as JSON. */
const VALUE = new Uint8Array(3000).fill(65);

const put = (key: string): Operation => ({ kind: 'put', key, value: VALUE });

/** Milliseconds for the same calls that a commit makes, on a file beside it: pages, sync, one page written through. */
function bareSync(dir: string): number[] {
  const file = openSync(join(dir, 'bare'), 'w');
  const through = openSync(join(dir, 'bare'), constants.O_WRONLY | constants.O_DSYNC);
  const pages = new Uint8Array(8 * 4096);
  const samples = Array.from({ length: WRITES }, (_, i) => {
    const start = performance.now();
    writeSync(file, pages, 0, pages.length, 4096 * (1 + (i % 100)));
    fdatasyncSync(file);
    writeSync(through, pages, 0, 128, 0);
    return performance.now() - start;
  });
  closeSync(file);
  closeSync(through);
  return samples;
}

/** Milliseconds per write with so many writers at once. */
async function writes(store: Store, writers: number): Promise<number[]> {
  const samples: number[] = [];
  for (let round = 0; round < WRITES / 10; round++) {
    const start = performance.now();
    await Promise.all(Array.from({ length: writers }, (_, i) => store.txn([], [put(`w/${i}`)])));
    samples.push((performance.now() - start) / writers);
  }
  return samples;
}

/** Milliseconds from the answer to a write to the watcher that has it. */
async function watchDelays(store: Store): Promise<number[]> {
  const stop = new AbortController();
  const watch = store.watch('watched/', await store.revision(), stop.signal)[Symbol.asyncIterator]();
  const samples: number[] = [];
  for (let i = 0; i < WRITES / 5; i++) {
    const told = watch.next().then(() => performance.now());
    await store.txn([], [put(`watched/${i}`)]);
    const answered = performance.now();
    samples.push(Math.max(0, (await told) - answered));
  }
  stop.abort();
  return samples;
}

async function lists(store: Store, size: number): Promise<number[]> {
  const prefix = `list${size}/`;
  for (let done = 0; done < size; done += 500) {
    await store.txn(
      [],
      Array.from({ length: Math.min(500, size - done) }, (_, i) => put(`${prefix}${done + i}`)),
    );
  }
  const samples: number[] = [];
  for (let i = 0; i < 10; i++) {
    const start = performance.now();
    await store.list(prefix);
    samples.push(performance.now() - start);
  }
  return samples;
}

const dir = mkdtempSync(join(tmpdir(), 'postern-bench-'));
const store = await openLmdbStore({ dir: join(dir, 'store') });
try {
  const bare = bareSync(dir);
  const rows: Row[] = [{ what: 'bare syncs of one commit', unit: 'ms', samples: bare }];
  const perWrite = new Map<number, number>();
  for (const writers of [1, 10, 100]) {
    const samples = await writes(store, writers);
    perWrite.set(writers, median(samples));
    rows.push({ what: `a write, ${writers} at once`, unit: 'ms', samples });
  }
  rows.push({ what: 'answer to watcher', unit: 'ms', samples: await watchDelays(store) });
  for (const size of [100, 1000, 10_000]) {
    rows.push({ what: `list of ${size}`, unit: 'ms', samples: await lists(store, size) });
  }
  const [alone = Number.NaN, shared = Number.NaN] = [perWrite.get(1), perWrite.get(100)];
  const etcd = await measureEtcd(VALUE);
  const figures: Figure[] = [
    { name: 'store-write-to-bare-sync', value: alone / median(bare), unit: 'times', goal: 4 },
    { name: 'store-shared-write-to-single', value: shared / alone, unit: 'times', goal: 0.3 },
  ];
  report([...rows, ...etcd.rows], [...figures, ...etcd.figures]);
} finally {
  await store.close();
  rmSync(dir, { recursive: true });
}
