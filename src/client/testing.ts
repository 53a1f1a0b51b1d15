/** For tests of things that react: waiting without time. */
import { setImmediate } from 'node:timers/promises';

/** Turns of the event loop after which what has not happened never will: the fakes answer within microtasks. */
const TURNS = 500;

/** Lets everything run that does not wait for time or for the outside. */
export async function settle(turns = 20): Promise<void> {
  for (let i = 0; i < turns; i++) await setImmediate();
}

/** Resolves once `holds` answers true (or does not throw); fails with what it last said. */
export async function eventually(holds: () => boolean | undefined | Promise<boolean | undefined>): Promise<void> {
  let last: unknown = new Error('it never came to hold');
  for (let turn = 0; turn < TURNS; turn++) {
    try {
      if ((await holds()) !== false) return;
    } catch (error) {
      last = error;
    }
    await setImmediate();
  }
  throw last;
}
