/** `postern backup`: everything that a server keeps, in one file. */
import type { Command } from 'commander';
import { type OutputFormat, outputOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { addStoreOptions, type StoreFlags } from '../store-options.ts';

interface Flags extends StoreFlags {
  readonly dataDir?: string;
  readonly output: OutputFormat;
}

const HELP = `
The server goes on meanwhile: everything in the file is of one revision. With --data-dir its
certificates and keys are in it too; the file is as secret as they are, and only its owner can
read it.

Examples:
  postern backup cluster.backup --data-dir DIR
  postern backup cluster.backup --store etcd --etcd-endpoints https://10.0.0.1:2379 --etcd-ca ca.pem --data-dir DIR
  postern backup - --data-dir DIR | ssh elsewhere 'umask 77; cat > cluster.backup'`;

export function addBackupCommand(postern: Command): void {
  const backup = postern
    .command('backup')
    .description('write all that a server keeps, and its certificates, into one file, while it serves')
    .argument('<file>', 'a new file; -: standard output')
    .option('--data-dir <dir>', 'where the server keeps everything; with --store etcd: its certificates');
  addStoreOptions(backup).addOption(outputOption()).addHelpText('after', HELP).action(run);
}

async function run(file: string, flags: Flags): Promise<void> {
  const [{ backUp }, { readStore }, { endSignal }] = await Promise.all([
    import('../store-ops/backup.ts'),
    import('../wiring/store.ts'),
    import('../signals.ts'),
  ]);
  const from = { plan: await readStore(flags), dataDir: flags.dataDir };
  const report = await new Progress(process.stderr).during('backup', (tell) =>
    backUp({ from, file, now: Date.now(), tell }, endSignal()),
  );
  const [{ backupText }, { printTo }] = await Promise.all([import('../store-ops/text.ts'), import('../output.ts')]);
  // Standard output may be the backup.
  await printTo(file === '-' ? process.stderr : process.stdout, report, flags.output, () => backupText(report));
}
