/** `postern quickstart`: a small cluster on this machine, and the walkthrough on it. */
import type { Command } from 'commander';
import { endSignal } from '../signals.ts';

interface Flags {
  readonly keep?: boolean;
  readonly json?: boolean;
  readonly dir?: string;
}

export function addQuickstartCommand(postern: Command): void {
  postern
    .command('quickstart')
    .description('build a small cluster on this machine, expose a virtual machine on it, and check every step')
    .option('--keep', 'leave the cluster running, with the guests and the Service, and say how to go on')
    .option('--json', 'print the result for programs')
    .option('--dir <dir>', 'directory of the cluster; default: a temporary one')
    .addHelpText('after', '\nExample:\n  npm run quickstart -- --keep')
    .action(async (flags: Flags) => {
      const { quickstart } = await import('../quickstart/quickstart.ts');
      process.exitCode = await quickstart(
        { keep: flags.keep ?? false, json: flags.json ?? false, dir: flags.dir },
        endSignal(),
      );
    });
}
