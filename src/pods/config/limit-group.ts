/** Limits the control group of a pod, which the runtime has made with the pod's sandbox. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeOf } from '../../lib/errors.ts';
import type { GroupSetting } from './pod-limits.ts';

/** The control group of a pod, on this machine. */
export interface PodGroup {
  /** Where control groups are mounted. */
  readonly root: string;
  readonly unified: boolean;
  /** Of the group, beneath the root of its hierarchy. */
  readonly path: string;
}

/** Writes the settings. A controller that the machine does not have limits nothing. */
export async function limitPodGroup(
  { root, unified, path }: PodGroup,
  settings: readonly GroupSetting[],
): Promise<void> {
  for (const { controller, file, value } of settings) {
    const folder = unified ? join(root, path) : join(root, controller, path);
    try {
      // Not to be made: where there is no such file there is no such controller.
      await writeFile(join(folder, file), value, { flag: 'r+' });
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}
