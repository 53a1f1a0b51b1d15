/** For tests: whether all claims of a store are as its Services say. */
import assert from 'node:assert/strict';
import type { Store } from '../../store/store.ts';
import { findings } from './repair/findings.ts';
import { readAllocations } from './repair/read.ts';
import { reportOf } from './repair/report.ts';

/** Fails when an address or a port leaked, is missing, or is given twice. */
export async function assertSound(store: Store, nodePorts = { first: 30000, last: 32767 }): Promise<void> {
  const found = findings(await readAllocations(store, nodePorts)).map(reportOf);
  assert.deepEqual(found, []);
}
