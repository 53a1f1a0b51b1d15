/** What containers of tests run: real programs for a real runtime, and understood by the fake. */

/** Runs until it is told to end, and then ends well. */
export const POLITE: readonly string[] = ['sh', '-c', 'trap "exit 0" TERM; while :; do sleep 0.05; done'];
/** Runs on until it is killed. */
export const DEAF: readonly string[] = ['sh', '-c', 'trap "" TERM; while :; do sleep 1; done'];
/** No program of that name is in any image: it cannot be started. */
export const MISSING: readonly string[] = ['no-such-program'];

/** Ends at once, with that exit code. */
export function exits(code: number): readonly string[] {
  return ['sh', '-c', `exit ${code}`];
}
