/** Takes a lab down, and makes sure that nothing of it is left. */
import { existsSync, rmdirSync, rmSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { codeOf } from '../lib/errors.ts';
import { removeCgroups } from './container-runtime.ts';
import { LabError } from './error.ts';
import { type Layout, layoutOf } from './layout.ts';
import { childrenOf, isAlive, processesIn } from './process-identity.ts';
import { type Owner, runningOwner } from './state.ts';

/** Milliseconds that a lab has to end by itself: agents, then servers, then what they stand on, each have five seconds. */
const GRACE = 17_000;
/** Milliseconds that the kernel has to end what was killed. */
const KILL_GRACE = 10_000;
const POLL = 20;

export interface DownOptions {
  /** Keep the server's data, the nodes' state and the logs: the next `up` goes on with them. */
  readonly keepData?: boolean;
}

/** Ends the lab of `dir`, if one runs, and removes its files. Resolves when all its processes have ended. */
export async function labDown(dir: string, options: DownOptions = {}): Promise<void> {
  const layout = layoutOf(dir);
  if (statSync(layout.dir, { throwIfNoEntry: false })?.isFile())
    throw new LabError(`${layout.dir} is a file, not a lab`);
  const owner = runningOwner(layout);
  if (owner?.pid === process.pid)
    throw new LabError(`the lab in ${layout.dir} is still being started by this very process`);
  if (owner !== undefined) await endLab(owner);
  if (!(await removeGroups(layout))) {
    throw new LabError('containers of the lab do not end. Try again: postern lab down');
  }
  removeRunFiles(layout);
  if (options.keepData !== true) removeData(layout);
}

/** Those of a lab that was killed are left until now, or until the next lab of this folder has them. False when they are in use. */
export function removeGroups(layout: Layout): Promise<boolean> {
  return until(() => removeCgroups(layout), KILL_GRACE);
}

/** SIGTERM, and SIGKILL for a lab that has not heeded it after `grace` milliseconds; then waits for the last of its processes. */
export async function endLab(owner: Owner, grace: number = GRACE): Promise<void> {
  const [init] = childrenOf(owner.pid);
  // While it is still being made there is no first process yet, and its starter is the one to end.
  if (isAlive(owner)) send(init ?? owner.pid, 'SIGTERM');
  if (!(await until(() => !isAlive(owner), grace))) send(owner.pid, 'SIGKILL');
  const ended = await until(() => !isAlive(owner) && remaining(owner).length === 0, KILL_GRACE);
  if (!ended) {
    throw new LabError(
      `the lab's processes ${[owner.pid, ...remaining(owner)].join(', ')} do not end. Try again: postern lab down`,
    );
  }
}

/** What exists only while a lab runs. */
export function removeRunFiles(layout: Layout): void {
  rmSync(layout.run, { recursive: true, force: true });
  rmSync(layout.kubeconfig, { force: true });
}

/** Only what a lab has made: the directory may hold other things of the user's, and is removed only when it does not. */
function removeData(layout: Layout): void {
  if (!existsSync(layout.spec)) return;
  for (const path of [layout.serverData, layout.servers, layout.nodes, layout.logs, layout.spec]) {
    rmSync(path, { recursive: true, force: true });
  }
  try {
    rmdirSync(layout.dir);
  } catch (error) {
    const code = codeOf(error);
    // EACCES, EBUSY, EPERM: the directory's parent, or a mount, is not ours to change.
    if (!['ENOTEMPTY', 'EEXIST', 'EACCES', 'EBUSY', 'EPERM'].includes(String(code))) throw error;
  }
}

function remaining({ pidNamespace }: Owner): readonly number[] {
  return pidNamespace === undefined ? [] : [...processesIn(pidNamespace).values()];
}

function send(pid: number, signal: 'SIGTERM' | 'SIGKILL'): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

async function until(condition: () => boolean, limit: number): Promise<boolean> {
  for (let waited = 0; waited < limit; waited += POLL) {
    if (condition()) return true;
    await delay(POLL);
  }
  return condition();
}
