/** `postern restore`: a new store with what a backup has. */
import type { Command } from 'commander';
import { type OutputFormat, outputOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { addStoreOptions, type StoreFlags } from '../store-options.ts';

interface Flags extends StoreFlags {
  readonly dataDir?: string;
  readonly output: OutputFormat;
}

const HELP = `
The backup is read as a whole before anything is written, and compared with the new store when
all is there. The store, or the place in etcd, has to be new. Revisions go on far above the
backup's, so that clients list everything again. Cut short, it goes on when it is run again.

Examples:
  postern restore cluster.backup --data-dir DIR
  postern restore cluster.backup --store etcd --etcd-endpoints https://10.0.0.1:2379 --etcd-ca ca.pem --data-dir DIR`;

export function addRestoreCommand(postern: Command): void {
  const restore = postern
    .command('restore')
    .description('make a new store, and the certificates of its server, from a backup')
    .argument('<file>', 'what postern backup wrote')
    .option('--data-dir <dir>', 'a new directory for the server; with --store etcd: for its certificates');
  addStoreOptions(restore).addOption(outputOption()).addHelpText('after', HELP).action(run);
}

async function run(file: string, flags: Flags): Promise<void> {
  const { dataDir } = flags;
  const [{ restore }, { readStore }, { requireDirectory }] = await Promise.all([
    import('../store-ops/restore.ts'),
    import('../wiring/store.ts'),
    import('../directory.ts'),
  ]);
  const to = { plan: await readStore(flags), dataDir };
  if (dataDir !== undefined) await requireDirectory('--data-dir', dataDir);
  const report = await new Progress(process.stderr).during('restore', (tell) => restore({ file, to, tell }));
  const [{ restoreText }, { print }] = await Promise.all([import('../store-ops/text.ts'), import('../output.ts')]);
  await print(report, flags.output, () => restoreText(report));
}
