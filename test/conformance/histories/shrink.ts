/** Makes a history that fails shorter, so that a person sees what it is about. */
import type { Action } from './actions.ts';
import { HistoryError, play } from './play.ts';

/** How long it is tried, in milliseconds. */
const PATIENCE = 30_000;

/** A part of the history that still fails, and how. */
export async function shrink(
  history: readonly Action[],
  error: unknown,
): Promise<{ readonly history: readonly Action[]; readonly error: unknown }> {
  const end = Date.now() + PATIENCE;
  let failing = { history: upTo(history, error), error };
  for (let size = failing.history.length >> 1; size > 0; size >>= 1) {
    for (let start = 0; start < failing.history.length && Date.now() < end; ) {
      const shorter = failing.history.toSpliced(start, size);
      const failure = await failureOf(shorter);
      if (failure === undefined) start += size;
      else failing = { history: upTo(shorter, failure), error: failure };
    }
  }
  return failing;
}

/** Nothing after the action that failed matters. */
function upTo(history: readonly Action[], error: unknown): readonly Action[] {
  return error instanceof HistoryError ? history.slice(0, error.index + 1) : history;
}

async function failureOf(history: readonly Action[]): Promise<unknown> {
  try {
    await play(history);
    return undefined;
  } catch (error) {
    return error;
  }
}
