/** Volumes on the disk that may only hold so much: looked at from time to time, as the disk itself knows no such limit. */
import type { Dir, Stats } from 'node:fs';
import { lstat, opendir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../host/clock.ts';
import { codeOf } from '../../lib/errors.ts';

/** A volume that may hold only so much. */
export interface LimitedVolume {
  readonly name: string;
  readonly path: string;
  /** Bytes. */
  readonly limit: number;
  /** As the pod has it: `1Gi`. */
  readonly limitText: string;
}

/** Milliseconds between two looks, as a kubelet's; more when looking takes more than this share of the time. */
const INTERVAL = 10_000;
const SHARE = 0.05;
/** Entries that are counted at most in one look: more could be there without taking any room. */
const ENTRY_LIMIT = 100_000;
/** Of stat(2). */
const BLOCK = 512;

/**
 * Bytes that a folder's files take on its own file system; counting ends where that is more than `limit`. Containers change the
 * folder meanwhile: what vanishes is not counted.
 */
export async function usageOf(folder: string, limit: number): Promise<number> {
  const root = await sizeOf(folder);
  const folders = [folder];
  const counted = new Set<number>();
  let [usage, entries] = [0, 0];
  for (let next = folders.pop(); next !== undefined && usage <= limit; next = folders.pop()) {
    for await (const { name } of (await openFolder(next)) ?? []) {
      if (++entries > ENTRY_LIMIT) return usage;
      const path = join(next, name);
      const stat = await sizeOf(path);
      if (stat === undefined || stat.dev !== root?.dev || counted.has(stat.ino)) continue;
      if (stat.nlink > 1 && !stat.isDirectory()) counted.add(stat.ino);
      usage += stat.blocks * BLOCK;
      if (stat.isDirectory()) folders.push(path);
    }
  }
  return usage;
}

function sizeOf(path: string): Promise<Stats | undefined> {
  return lstat(path).catch(ignoreVanished);
}

/** Read piece by piece: it may have any number of entries. */
function openFolder(path: string): Promise<Dir | undefined> {
  return opendir(path).catch(ignoreVanished);
}

function ignoreVanished(error: unknown): undefined {
  const code = codeOf(error);
  if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
  return undefined;
}

export interface UsageWatchOptions {
  readonly clock: Clock;
  /** Called once for a pod; with the kubelet's message. */
  readonly exceeded: (podUID: string, message: string) => void;
  /** A folder could not be read. */
  readonly failed: (podUID: string, error: unknown) => void;
}

/** Looks at the volumes of all pods in turn, so that no more than one folder is read at a time. */
export class UsageWatch {
  readonly #options: UsageWatchOptions;
  readonly #signal: AbortSignal;
  readonly #pods = new Map<string, readonly LimitedVolume[]>();
  #isRunning = false;

  constructor(options: UsageWatchOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
  }

  follow(podUID: string, volumes: readonly LimitedVolume[]): void {
    if (volumes.length === 0) return;
    this.#pods.set(podUID, volumes);
    if (!this.#isRunning) void this.#run();
  }

  forget(podUID: string): void {
    this.#pods.delete(podUID);
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    let took = 0;
    while (this.#pods.size > 0) {
      const wait = Math.max(INTERVAL, took / SHARE);
      await this.#options.clock.sleep(wait, this.#signal).catch(() => {}); // The loop looks at the signal.
      if (this.#signal.aborted) return;
      const start = performance.now();
      for (const [uid, volumes] of [...this.#pods]) await this.#look(uid, volumes);
      took = performance.now() - start;
    }
    this.#isRunning = false;
  }

  async #look(uid: string, volumes: readonly LimitedVolume[]): Promise<void> {
    try {
      for (const { name, path, limit, limitText } of volumes) {
        if ((await usageOf(path, limit)) <= limit || this.#pods.get(uid) !== volumes) continue;
        this.#pods.delete(uid);
        this.#options.exceeded(uid, `Usage of EmptyDir volume "${name}" exceeds the limit "${limitText}".`);
        return;
      }
    } catch (error) {
      this.#options.failed(uid, error);
    }
  }
}
