/** A time limit for an answer. */

/** Calls `act` when no answer has come within `limit` milliseconds. */
export function onceLate(limit: number, act: (error: Error) => void): NodeJS.Timeout {
  const late = () => act(new Error(`it did not answer within ${limit} ms`));
  // A process that was held up finds its timers due before it has read what came meanwhile.
  return setTimeout(() => setImmediate(() => setImmediate(late)), limit);
}
