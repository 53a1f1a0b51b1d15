/** Work that is asked for more often than it need be done. */

/**
 * A function that has work done: never twice at a time, and once for all calls that come while it is done. Work does not throw.
 */
export function oneByOne(work: () => Promise<void>): () => void {
  let isRunning = false;
  let isAsked = false;
  const run = async () => {
    isRunning = true;
    while (isAsked) {
      isAsked = false;
      await work();
    }
    isRunning = false;
  };
  return () => {
    isAsked = true;
    if (!isRunning) void run();
  };
}
