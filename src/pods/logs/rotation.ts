/** Keeps the logs of containers from filling the disk: rotated by size, older ones compressed, the oldest removed. */
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { codeOf } from '../../lib/errors.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import {
  COMPRESSED,
  DEFAULT_LIMITS,
  INCOMPLETE,
  type RotationLimits,
  rotatedName,
  rotationPlan,
} from './rotation-plan.ts';

export interface LoggedContainer {
  readonly containerID: string;
  /** Absolute. */
  readonly logPath: string;
}

export interface LogRotationOptions {
  /** The containers that run. */
  readonly containers: () => Iterable<LoggedContainer>;
  readonly runtime: Pick<ContainerRuntime, 'reopenLog'>;
  readonly log: Logger;
  readonly limits?: RotationLimits;
  readonly clock?: Clock;
}

/** How often the sizes are looked at: the kubelet's containerLogMonitorInterval. */
const INTERVAL = seconds(10);

/** Looks after the logs until the signal is aborted; what fails is logged and tried again. Resolves then. */
export async function rotateLogs(options: LogRotationOptions, signal: AbortSignal): Promise<void> {
  const { containers, log, clock = systemClock } = options;
  while (!signal.aborted) {
    await clock.sleep(INTERVAL, signal).catch(() => {});
    for (const container of signal.aborted ? [] : [...containers()]) {
      if (signal.aborted) return;
      await rotateLog(container, options).catch((err: unknown) => {
        log.warn(
          { err, container: container.containerID, path: container.logPath },
          'cannot rotate the log of a container',
        );
      });
    }
  }
}

/** Rotates one log if it is large enough; says whether it was. */
export async function rotateLog(
  container: LoggedContainer,
  options: Omit<LogRotationOptions, 'containers'>,
): Promise<boolean> {
  const { limits = DEFAULT_LIMITS, clock = systemClock, runtime } = options;
  const { containerID, logPath } = container;
  if ((await sizeOf(logPath)) < limits.maxBytes) return false;
  const folder = dirname(logPath);
  const plan = rotationPlan(basename(logPath), await readdir(folder), limits);
  // Room first: what is removed makes it for what is compressed.
  for (const name of plan.remove) await rm(join(folder, name), { force: true });
  for (const name of plan.compress) await compress(join(folder, name));

  const rotated = join(folder, rotatedName(basename(logPath), clock.now()));
  await rename(logPath, rotated);
  try {
    await runtime.reopenLog(containerID);
  } catch (error) {
    // What is still written to the old file belongs to the log; a new file, if there is one by now, is empty.
    await rename(rotated, logPath);
    throw error;
  }
  return true;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 0; // It has just ended, or not begun.
    throw error;
  }
}

/** Complete under its name, or not there at all. */
async function compress(path: string): Promise<void> {
  const target = `${path}${COMPRESSED}`;
  const incomplete = `${target}${INCOMPLETE}`;
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(incomplete, { mode: 0o640 }));
    await rename(incomplete, target);
  } catch (error) {
    await rm(incomplete, { force: true });
    throw error;
  }
  await rm(path);
}
