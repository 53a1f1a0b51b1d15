/** A disk of a few megabytes, in memory, that can be filled up and emptied: a mount that nobody but the test's own processes sees. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf } from '../../src/lib/errors.ts';
import { type Ending, tempDir } from './temp-dir.ts';

export interface SmallDisk {
  /** Where it is for processes that are started with {@link argv}. */
  readonly dir: string;
  /** The same for everybody else. Not for LMDB, which asks for the true path of its file. */
  readonly outside: string;
  /** A command as it is to be started so that it sees the disk; network and all else stay as they are. */
  argv(command: readonly string[]): readonly string[];
  /** Uses up all the room there is. */
  fill(): void;
  /** Gives it back. */
  free(): void;
}

/** The `skip` of tests with such a disk. */
export function skipWithoutMounts(): string | false {
  return process.getuid?.() === 0 ? false : 'only root can mount a disk';
}

/** Mounts one of `size` bytes; it goes with the test, however that ends. */
export async function smallDisk(t: Ending, size: number): Promise<SmallDisk> {
  const dir = tempDir(t);
  const script = `mount -t tmpfs -o size=${size},mode=0700 postern-test "$0" && echo mounted && exec sleep infinity`;
  const holder = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--mount', 'sh', '-c', script, dir], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => ended(holder));
  await once(holder.stdout, 'data');
  const outside = join('/proc', String(holder.pid), 'root', dir);
  const filler = join(outside, 'filler');
  return {
    dir,
    outside,
    argv: (command) => ['nsenter', '--mount', '--wd=/', '--target', String(holder.pid), '--', ...command],
    fill: () => {
      for (let bytes = 1024 * 1024; bytes >= 1; ) {
        try {
          appendFileSync(filler, Buffer.alloc(bytes));
        } catch (error) {
          if (codeOf(error) !== 'ENOSPC') throw error;
          bytes = Math.floor(bytes / 2);
        }
      }
    },
    free: () => rmSync(filler, { force: true }),
  };
}

async function ended(holder: ChildProcess): Promise<void> {
  if (holder.exitCode !== null || holder.signalCode !== null) return;
  const exit = once(holder, 'exit');
  holder.kill('SIGKILL');
  await exit;
}
