/** How a lab starts the program's own parts. */
import { join } from 'node:path';
import type { LabOptions } from '../../lab/lab.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS, forFamilies, IMAGE_DIR, PROGRAM_DIR } from './defaults.ts';

export interface LabFlags {
  readonly dir: string;
  readonly nodes: number;
  readonly families: readonly IPFamily[];
}

/** The program itself, run by the Node.js that runs this. */
export const PROGRAM: readonly string[] = [process.execPath, join(PROGRAM_DIR, 'src/cli/main.ts')];

export function labOptions(flags: LabFlags): LabOptions {
  return { ...flags } as unknown as LabOptions;
}
