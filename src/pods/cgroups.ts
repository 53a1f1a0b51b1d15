/** The control group that holds all of a pod's. */
import { readdir, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../lib/errors.ts';

/** Where control groups are mounted. */
const ROOT = '/sys/fs/cgroup';
const ALL_NODES = '/postern';
/** A group that has just lost its last process can still be busy. */
const TRIES = 10;
const PAUSE = 20;

/** Path of the pod's group, as a runtime is told it. */
export function podCgroup(nodeName: string, podUID: string): string {
  return `${nodeCgroup(nodeName)}/pod${podUID}`;
}

/**
 * Removes the group of a pod, in every hierarchy that has it; the runtime makes it and leaves it behind. Does nothing where there
 * is none. One that is still in use stays: rejects with the system's error.
 */
export async function removePodCgroup(nodeName: string, podUID: string, root: string = ROOT): Promise<void> {
  await removeEverywhere(podCgroup(nodeName, podUID), root);
}

/** Removes the groups of all of a node's pods, none of which runs any more. */
export async function removePodCgroups(nodeName: string, root: string = ROOT): Promise<void> {
  await removeEverywhere(nodeCgroup(nodeName), root);
  for (const hierarchy of await hierarchies(root)) {
    // Other nodes of this machine may have theirs in there.
    await rmdir(join(hierarchy, ALL_NODES)).catch((error: unknown) => {
      if (!['ENOENT', 'ENOTEMPTY', 'EBUSY'].includes(codeOf(error) ?? '')) throw error;
    });
  }
}

async function removeEverywhere(path: string, root: string): Promise<void> {
  await Promise.all((await hierarchies(root)).map((hierarchy) => removeTree(join(hierarchy, path))));
}

function nodeCgroup(nodeName: string): string {
  return `${ALL_NODES}/${nodeName}`;
}

/** One for all (version 2), or a folder for each controller (version 1). https://docs.kernel.org/admin-guide/cgroup-v2.html */
async function hierarchies(root: string): Promise<readonly string[]> {
  const entries = await readdir(root, { withFileTypes: true }).catch(ignoreAbsent);
  if (entries.some(({ name }) => name === 'cgroup.controllers')) return [root];
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(root, name));
}

/** Groups are folders whose files cannot be removed and need not be. */
async function removeTree(path: string): Promise<void> {
  const entries = await readdir(path, { withFileTypes: true }).catch(ignoreAbsent);
  for (const entry of entries) if (entry.isDirectory()) await removeTree(join(path, entry.name));
  for (let attempt = 1; ; attempt++) {
    try {
      await rmdir(path);
      return;
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return;
      if (codeOf(error) !== 'EBUSY' || attempt === TRIES) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  }
}

function ignoreAbsent(error: unknown): [] {
  if (codeOf(error) !== 'ENOENT') throw error;
  return [];
}
