/** The store in memory, for tests and for what need not outlive the process. */
import { RevisionedStore } from '../mvcc/revisioned-store.ts';
import type { Store } from '../store.ts';
import { MemoryBackend } from './memory-backend.ts';

/** An empty store, which ends with its `close`. History stays until it is compacted. */
export function openMemoryStore(): Store {
  return new RevisionedStore(new MemoryBackend());
}
