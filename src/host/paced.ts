/** Long work in short turns of the event loop. */
import { setImmediate as turn } from 'node:timers/promises';

/** How long work may hold up the event loop, in milliseconds. */
const SLICE = 8;

/** What to wait for between two steps of long work; undefined, and nothing to await, most of the time. */
export type Pace = () => Promise<void> | undefined;

/**
 * What long work calls between its steps: once in a while, it lets others have their turn. Several pieces of work may share
 * one; they rest together, and together take no longer than one.
 */
export function paced(): Pace {
  let since = performance.now();
  let rest: Promise<void> | undefined;
  return () => {
    if (rest !== undefined || performance.now() - since < SLICE) return rest;
    rest = turn().then(() => {
      since = performance.now();
      rest = undefined;
    });
    return rest;
  };
}
