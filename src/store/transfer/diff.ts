/** What is to be written so that a target has what a source has, within one range of keys. Pure. */
import { compareKeys } from '../keys.ts';
import type { Entry } from '../store.ts';

export interface Difference {
  /** Entries of the source that the target does not have so. */
  readonly puts: readonly Entry[];
  /** Keys that only the target has. */
  readonly deletes: readonly string[];
}

export interface DiffOptions {
  /** Whether entries of the same value are different when their revisions are. */
  readonly revisions: boolean;
}

/** Both in the order of keys. */
export function diff(source: readonly Entry[], target: readonly Entry[], { revisions }: DiffOptions): Difference {
  const puts: Entry[] = [];
  const deletes: string[] = [];
  let at = 0;
  for (const entry of source) {
    for (; isBefore(target[at], entry.key); at++) deletes.push(target[at]?.key ?? '');
    const found = target[at];
    if (found?.key !== entry.key) puts.push(entry);
    else {
      at++;
      if (!isSame(entry, found, revisions)) puts.push(entry);
    }
  }
  for (const { key } of target.slice(at)) deletes.push(key);
  return { puts, deletes };
}

function isBefore(entry: Entry | undefined, key: string): boolean {
  return entry !== undefined && compareKeys(entry.key, key) < 0;
}

function isSame(a: Entry, b: Entry, revisions: boolean): boolean {
  if (Buffer.compare(a.value, b.value) !== 0) return false;
  return !revisions || (a.created === b.created && a.modified === b.modified);
}
