/** What pods leave on their node besides volumes: last words, logs and control groups. */
import { readdir, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Pod } from '../api/core/v1/pod.ts';
import { codeOf } from '../lib/errors.ts';
import { removePodCgroup } from './cgroups.ts';
import { lastWords } from './runtime/last-words.ts';
import type { ContainerRun } from './runtime/pod-runtime.ts';

/** What pods leave on the machine, and its removal. */
export interface Leavings {
  /** What a run that has ended left as its last words; `file`: where it was told to put them. */
  lastWords(run: ContainerRun, file: string): Promise<string | undefined>;
  /** Removes the pod's control group. Its containers have ended. Does nothing where there is none. */
  removeGroup(podUID: string): Promise<void>;
  /** Folders of logs, by the names that {@link logFolder} gives. */
  logFolders(): Promise<readonly string[]>;
  removeLogs(folder: string): Promise<void>;
  /** Removes the logs of one run, of which `logPath` is the present file; those that were rotated away, too. */
  removeRunLogs(logPath: string): Promise<void>;
}

/** Folder of all pods' logs, in the folder of the agent's state. */
export function logsUnder(stateDir: string): string {
  return join(stateDir, 'logs');
}

/** Name of the folder of a pod's logs: as the kubelet has it. */
export function logFolder({ metadata }: Pod): string {
  return `${metadata.namespace}_${metadata.name}_${metadata.uid}`;
}

/** UID of the pod whose folder of logs it is: none of the name's parts has an underscore in it. */
export function ownerOfLogs(folder: string): string {
  return folder.slice(folder.lastIndexOf('_') + 1);
}

/** Those on this machine. `logDir` holds a folder of logs for each pod. */
export function leavingsOf(nodeName: string, logDir: string): Leavings {
  return {
    lastWords,
    removeGroup: (podUID) => removePodCgroup(nodeName, podUID),
    logFolders: () => entriesOf(logDir),
    removeLogs: (folder) => rm(join(logDir, folder), { recursive: true, force: true }),
    removeRunLogs: async (logPath) => {
      // A path that a runtime tells is not taken for ours unless it is.
      const folder = dirname(logPath);
      if (dirname(dirname(folder)) !== logDir) return;
      const names = await entriesOf(folder);
      const own = names.filter((name) => name === basename(logPath) || name.startsWith(`${basename(logPath)}.`));
      await Promise.all(own.map((name) => rm(join(folder, name), { force: true })));
    },
  };
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return [];
  }
}
