/** The few facts about the whole store. */
import { StoreUnfinishedError } from '../errors.ts';
import type { Revision } from '../store.ts';
import { commitBatch, type Tables } from './database.ts';
import { decodeKey, decodeRevision, encodeRevision, StoreFormatError } from './records.ts';

export const REVISION_KEY = Buffer.from('revision');
export const COMPACTED_KEY = Buffer.from('compacted');
/** What the store is being filled with, in words; only there until it is whole. */
export const FILLING_KEY = Buffer.from('filling');
const LAYOUT_KEY = Buffer.from('layout');

/** Number of the layout in `records.ts`; another number is another program's, or another version's. */
const LAYOUT = 1;

/** A revision of the store; 0 where nothing has been written. */
export function readMeta({ meta }: Tables, key: Buffer): Revision {
  const bytes = meta.get(key);
  return bytes === undefined ? 0 : decodeRevision(bytes);
}

/** Marks a new store as ours, or checks the mark as {@link checkLayout}. */
export async function ensureLayout(tables: Tables): Promise<void> {
  checkLayout(tables);
  if (tables.meta.get(LAYOUT_KEY) !== undefined) return;
  await commitBatch(tables, () => markLayout(tables));
}

/** Part of a batch: marks a new store as ours. */
export function markLayout({ meta }: Tables): void {
  meta.put(LAYOUT_KEY, encodeRevision(LAYOUT));
}

/** Throws {@link StoreUnfinishedError} for a store that is still being filled. */
export function checkWhole(dir: string, { meta }: Tables): void {
  const filling = meta.get(FILLING_KEY);
  if (filling !== undefined) throw new StoreUnfinishedError(dir, decodeKey(filling));
}

/**
 * Throws {@link StoreFormatError} for a store in a layout that is not known here. One without a mark is new: its process
 * ended before it wrote anything.
 */
export function checkLayout(tables: Tables): void {
  const bytes = tables.meta.get(LAYOUT_KEY);
  const layout = bytes === undefined ? LAYOUT : decodeRevision(bytes);
  if (layout !== LAYOUT) {
    throw new StoreFormatError(`the store has layout ${layout}; this version of Postern knows layout ${LAYOUT}`);
  }
}
