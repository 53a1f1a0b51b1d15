/**
 * The mark of a store in etcd that was filled with what another store had: one key beside the others. It says how revisions
 * are counted, so that they go on from the other's and never back; and, until all is there, that nobody may use it yet.
 * A store that began in etcd has none.
 */
import { StoreFailedError } from '../errors.ts';
import type { Revision } from '../store.ts';
import type { Place } from './layout.ts';
import type { KeyValue } from './messages.ts';

/** Behind the prefix: a folder of ours, as claims have. */
const NAME = 'postern.dev/store';

/** Written so that a store that nobody has written to is told how far etcd has come: see `client-store.ts`. */
const PROGRESS_NAME = 'postern.dev/progress';

export interface Mark {
  /** The revision of etcd that is the store's 0. */
  readonly origin: number;
  /** The oldest revision of the store that can be read; what was before it has never been here. */
  readonly oldest: Revision;
  /** What it is being filled with, in words; undefined once it is whole. */
  readonly filling: string | undefined;
}

export function markKey({ prefix }: Place): Uint8Array {
  return Buffer.from(prefix + NAME);
}

/** A key, as the store has it, that is none of its objects. */
export function isOurs(key: string, { root }: Pick<Place, 'root'>): boolean {
  return key === root + NAME || key === root + PROGRESS_NAME;
}

/** As the store has it. */
export function progressKey({ root }: Pick<Place, 'root'>): string {
  return root + PROGRESS_NAME;
}

export function encodeMark(mark: Mark): Uint8Array {
  return Buffer.from(JSON.stringify({ format: 1, ...mark }));
}

/** Throws {@link StoreFailedError} for what another version has written. */
export function decodeMark({ value }: KeyValue): Mark {
  const text = Buffer.from(value).toString('utf8');
  const mark = parse(text);
  if (mark === undefined)
    throw new StoreFailedError('read how the store in etcd is kept', `not known here: ${text.slice(0, 200)}`);
  return mark;
}

function parse(text: string): Mark | undefined {
  try {
    const { format, origin, oldest, filling } = JSON.parse(text) as Partial<Record<keyof Mark | 'format', unknown>>;
    if (format !== 1 || !Number.isSafeInteger(origin) || !Number.isSafeInteger(oldest)) return undefined;
    return {
      origin: Number(origin),
      oldest: Number(oldest),
      filling: typeof filling === 'string' ? filling : undefined,
    };
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}
