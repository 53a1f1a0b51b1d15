/** How long the whole walkthrough takes once the machine is set up: cluster up, every step, cluster down. */

import { PROGRAM } from '../src/cli/wiring/defaults.ts';
import { CommandError, runCommand } from '../src/host/process.ts';
import { median, report } from './harness.ts';

const RUNS = 3;

interface Result {
  readonly ok: boolean;
  readonly milliseconds: number;
}

async function walkthrough(): Promise<Result> {
  const argv = [PROGRAM, 'quickstart', '--json'];
  try {
    return JSON.parse((await runCommand(argv, { timeout: 300_000 })).stdout) as Result;
  } catch (error) {
    throw new Error(`the walkthrough failed: ${error instanceof CommandError ? error.stdout : error}`, {
      cause: error,
    });
  }
}

const seconds: number[] = [];
for (let i = 0; i < RUNS; i++) seconds.push((await walkthrough()).milliseconds / 1000);
report(
  [{ what: 'whole walkthrough', unit: 's', samples: seconds }],
  [{ name: 'walkthrough', value: median(seconds), unit: 's', goal: 60 }],
);
