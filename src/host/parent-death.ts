/** What becomes of a process whose parent dies: `PR_SET_PDEATHSIG` of prctl(2). */

const PR_SET_PDEATHSIG = 1;
const PR_GET_PDEATHSIG = 2;

/**
 * Runs `change`, which changes the process' user or group, and keeps the signal that it was to get at its parent's death: the
 * kernel forgets it at every such change.
 */
export async function keepParentDeathSignal(change: () => void): Promise<void> {
  const { default: koffi } = await import('koffi');
  const libc = koffi.load('libc.so.6');
  const get = libc.func('int prctl(int option, _Out_ int *signal)');
  const set = libc.func('int prctl(int option, unsigned long signal)');
  const parent = process.ppid;
  const signal: [number] = [0];
  if (get(PR_GET_PDEATHSIG, signal) !== 0) throw new Error('prctl(PR_GET_PDEATHSIG) failed');
  change();
  if (signal[0] === 0) return;
  if (set(PR_SET_PDEATHSIG, signal[0]) !== 0) throw new Error('prctl(PR_SET_PDEATHSIG) failed');
  // It died in between: the signal would never come.
  if (process.ppid !== parent) process.kill(process.pid, signal[0]);
}
