/** Writes in portions that any store takes at once. */
import type { Operation } from '../store.ts';

/** etcd's limits unless it is told others are 128 operations and 1.5 MiB. */
const OPERATIONS = 100;
const BYTES = 512 * 1024;

/** The operations in their order; one that is larger than a portion is a portion by itself. */
export function* chunksOf(operations: Iterable<Operation>): Generator<readonly Operation[], void, undefined> {
  let chunk: Operation[] = [];
  let bytes = 0;
  for (const operation of operations) {
    const size = operation.kind === 'put' ? operation.value.length : 0;
    if (chunk.length > 0 && (chunk.length >= OPERATIONS || bytes + size > BYTES)) {
      yield chunk;
      chunk = [];
      bytes = 0;
    }
    chunk.push(operation);
    bytes += size;
  }
  if (chunk.length > 0) yield chunk;
}
