/** Ends single processes of a lab for a while, as when a machine is down, and has them run again. */
import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LabError } from './error.ts';
import { layoutOf } from './layout.ts';
import { type LabStatus, runningLab } from './status.ts';
import type { ProcessState } from './supervisor.ts';

/** Milliseconds for a process to end, or to be ready again. */
const LIMIT = 30_000;
const POLL = 20;

/** Ends processes, by SIGTERM or at once; they do not run again before {@link labStart}. Resolves when they have ended. */
export async function labStop(
  dir: string,
  names: readonly string[],
  how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM',
): Promise<void> {
  checkNames(runningLab(dir), names);
  const { run, stopped } = layoutOf(dir);
  mkdirSync(stopped, { recursive: true, mode: 0o700 });
  for (const name of names) {
    // The lab sees it once it says how.
    const fresh = join(run, `${name}.stopped`);
    writeFileSync(fresh, how, { mode: 0o600 });
    renameSync(fresh, join(stopped, name));
  }
  await until(dir, names, 'has not ended', ({ phase, pid }) => phase === 'stopped' && pid === undefined);
}

/** Has processes run again that {@link labStop} has ended. Resolves when they are ready. */
export async function labStart(dir: string, names: readonly string[]): Promise<void> {
  checkNames(runningLab(dir), names);
  for (const name of names) rmSync(join(layoutOf(dir).stopped, name), { force: true });
  await until(dir, names, 'is not ready', ({ phase }) => phase === 'ready');
}

function checkNames({ processes }: LabStatus, names: readonly string[]): void {
  const known = processes.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown === undefined) return;
  throw new LabError(`There is no process ${JSON.stringify(unknown)} in this lab. There are: ${known.join(', ')}.`);
}

async function until(
  dir: string,
  names: readonly string[],
  otherwise: string,
  condition: (process: ProcessState) => boolean,
): Promise<void> {
  const late = performance.now() + LIMIT;
  for (;;) {
    const waiting = runningLab(dir).processes.find((process) => names.includes(process.name) && !condition(process));
    if (waiting === undefined) return;
    if (performance.now() > late) {
      throw new LabError(`${waiting.name} ${otherwise} after ${LIMIT / 1000} s. Its log: ${layoutOf(dir).logs}`);
    }
    await delay(POLL);
  }
}
