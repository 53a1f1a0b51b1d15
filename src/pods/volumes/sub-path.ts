/**
 * Parts of volumes. Containers may write into volumes what they like, links above all, and no link may lead a mount out of its
 * volume, not even one that appears meanwhile: so paths are followed by the kernel, which refuses to leave the volume, and what is
 * mounted is what it opened.
 */
import { chmodSync, fstatSync } from 'node:fs';
import { mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { SystemCallError } from '../../host/libc-socket.ts';
import { type Mounts, mountsBeneath } from '../../host/mounts.ts';

/** A part of a volume, and where it is to be seen. */
export interface SubPath {
  /** The volume's path on the host. */
  readonly volumePath: string;
  readonly subPath: string;
  /** Where it is to be mounted: not there yet, or from an earlier run. */
  readonly target: string;
  /** Make folders where there is nothing. */
  readonly mayCreate: boolean;
}

/** Mounts the part of the volume at the target. Rejects with what is wrong; nothing is mounted then. */
export async function mountSubPath(mounts: Mounts, { volumePath, subPath, target, mayCreate }: SubPath): Promise<void> {
  const fd = mayCreate ? await openOrMake(mounts, volumePath, subPath) : mounts.openBeneath(volumePath, subPath);
  try {
    await removeTarget(mounts, target);
    if (fstatSync(fd).isDirectory()) await mkdir(target, { recursive: true, mode: 0o700 });
    else await makeFile(target);
    await mounts.bind(fd, target);
  } finally {
    mounts.close(fd);
  }
}

async function makeFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await writeFile(path, '', { flag: 'wx', mode: 0o600 });
}

/** What an earlier run of the container had is not what this one is to have: files of a volume may have been replaced. */
async function removeTarget(mounts: Mounts, target: string): Promise<void> {
  for (const point of await mountsBeneath(target)) await mounts.unmount(point);
  await rm(target, { recursive: true, force: true });
}

async function openOrMake(mounts: Mounts, volumePath: string, subPath: string): Promise<number> {
  try {
    return mounts.openBeneath(volumePath, subPath);
  } catch (error) {
    if (!isCode(error, 'ENOENT')) throw error;
  }
  const { mode } = await stat(volumePath);
  const parts = subPath.split('/').filter((part) => part !== '' && part !== '.');
  for (const [i, part] of parts.entries()) {
    const parent = mounts.openBeneath(volumePath, parts.slice(0, i).join('/') || '.');
    try {
      makeFolder(mounts, parent, part, mode & 0o7777);
    } finally {
      mounts.close(parent);
    }
  }
  return mounts.openBeneath(volumePath, subPath);
}

function makeFolder(mounts: Mounts, parent: number, name: string, mode: number): void {
  try {
    mounts.makeFolder(parent, name, mode);
  } catch (error) {
    // Others may have made it first; whether it leads astray is for the kernel to say when it is opened.
    if (isCode(error, 'EEXIST')) return;
    throw error;
  }
  const made = mounts.openBeneath(`/proc/self/fd/${parent}`, name);
  try {
    chmodSync(`/proc/self/fd/${made}`, mode); // The umask has no say in it.
  } finally {
    mounts.close(made);
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof SystemCallError && error.code === code;
}
