/** What can go wrong with a store, besides {@link CompactedError} of its interface. */
import { messageOf } from '../lib/errors.ts';
import type { Revision } from './store.ts';

/** A key, value, transaction or revision that no store takes: the caller's mistake. Nothing was written. */
export class StoreInputError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StoreInputError';
  }
}

/** A value or a transaction beyond the limits in `limits.ts`. Nothing was written. */
export class StoreLimitError extends StoreInputError {
  /** What was too large, in bytes or in operations. */
  readonly size: number;
  readonly limit: number;

  constructor(what: string, size: number, limit: number) {
    super(`${what}: ${size}, at most ${limit} is allowed`);
    this.name = 'StoreLimitError';
    this.size = size;
    this.limit = limit;
  }
}

/** A read as of a revision that has not been written yet. */
export class FutureRevisionError extends Error {
  readonly asked: Revision;
  readonly newest: Revision;

  constructor(asked: Revision, newest: Revision) {
    super(`revision ${asked} is in the future; the newest is ${newest}`);
    this.name = 'FutureRevisionError';
    this.asked = asked;
    this.newest = newest;
  }
}

/** The store was closed before or while it was asked. */
export class StoreClosedError extends Error {
  constructor() {
    super('the store is closed');
    this.name = 'StoreClosedError';
  }
}

/** The disk or the database failed; `cause` says how. A write that failed so was not made. */
export class StoreFailedError extends Error {
  constructor(doing: string, cause: unknown) {
    super(`${doing}: ${messageOf(cause)}`, { cause });
    this.name = 'StoreFailedError';
  }
}

/** There is no room for a write, which was not made. Reads go on; so do writes, once there is room. */
export class StoreFullError extends StoreFailedError {
  /** What to do, for whoever runs the store. */
  readonly remedy: string;

  constructor(doing: string, cause: unknown, remedy: string) {
    super(doing, cause);
    this.message += `: ${remedy}`;
    this.name = 'StoreFullError';
    this.remedy = remedy;
  }
}

/** Another process, or this one, has the store open. */
export class StoreLockedError extends Error {
  readonly dir: string;
  /** The process that holds it, as far as it has told; it may have ended since. */
  readonly holder: number | undefined;

  constructor(dir: string, holder: number | undefined) {
    const who =
      holder === undefined ? 'another process' : holder === process.pid ? 'this process' : `process ${holder}`;
    super(`the store in ${dir} is open in ${who}; stop it first, or choose another data directory`);
    this.name = 'StoreLockedError';
    this.dir = dir;
    this.holder = holder;
  }
}

/** A store that is being filled with what another has, and that was not finished: nobody may use it yet. */
export class StoreUnfinishedError extends Error {
  /** What it is being filled with, in words. */
  readonly from: string;

  constructor(where: string, from: string) {
    super(
      `the store in ${where} is not whole: it is being filled with ${from}; run that again, and it goes on from where it was`,
    );
    this.name = 'StoreUnfinishedError';
    this.from = from;
  }
}

/** What is to be filled holds something else already. Nothing was written. */
export class StoreOccupiedError extends Error {
  constructor(where: string, what: string) {
    super(`the store in ${where} is not empty: ${what}`);
    this.name = 'StoreOccupiedError';
  }
}
