/** How long an answer is waited for, by a process that may not get to run for a while: what it kept waiting itself is nobody's fault. */

/** Pieces that a limit is waited for in: a stall of this process counts as one at most. */
const PIECES = 10;

/**
 * Calls `over` after `limit` milliseconds, of which those in which this process stood still do not count: what has arrived by then is
 * looked at first. Returns what takes it back.
 */
export function afterLimit(limit: number, over: () => void): () => void {
  let left = PIECES;
  let last: NodeJS.Immediate | undefined;
  const next = () => setTimeout(step, limit / PIECES);
  let timer = next();
  function step(): void {
    left--;
    if (left > 0) timer = next();
    // Between timers and immediates the event loop looks at its sockets.
    else last = setImmediate(over);
  }
  return () => {
    clearTimeout(timer);
    clearImmediate(last);
  };
}
