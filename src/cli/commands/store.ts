/** `postern store`: what is kept, looked at, and moved from one engine to the other. */
import { type Command, Option } from 'commander';
import { type OutputFormat, outputOption } from '../options.ts';
import { Progress } from '../progress.ts';
import { addEtcdOptions, addStoreOptions, ENGINES, type StoreFlags } from '../store-options.ts';

interface CheckFlags extends StoreFlags {
  readonly dataDir?: string;
  readonly output: OutputFormat;
}

interface MigrateFlags extends Omit<StoreFlags, 'store'> {
  readonly from: StoreFlags['store'];
  readonly to: StoreFlags['store'];
  readonly dataDir: string;
  readonly output: OutputFormat;
}

const CHECK_HELP = `
Nothing is changed. Exit status 1 when there are errors; warnings do no harm, or mend
themselves. Of a store in --data-dir the records of the engine are checked as well, when no
server has it open.

Examples:
  postern store check --data-dir DIR
  postern store check --store etcd --etcd-endpoints https://10.0.0.1:2379 --etcd-ca ca.pem -o json`;

const MIGRATE_HELP = `
End every server first. The store that is read stays as it is; the other has to be new.
Everything is compared before the new store can be used, and revisions go on from where they
were. Cut short, it goes on when it is run again.

Examples:
  postern store migrate --from lmdb --to etcd --data-dir DIR --etcd-endpoints https://10.0.0.1:2379 --etcd-ca ca.pem
  postern store migrate --from etcd --to lmdb --data-dir NEW-DIR --etcd-endpoints https://10.0.0.1:2379 --etcd-ca ca.pem`;

export function addStoreCommand(postern: Command): void {
  const store = postern.command('store').description('check what a server keeps, and move it to the other engine');
  const check = store
    .command('check')
    .description('look at every key: what it holds, who owns it, which addresses and ports are held')
    .option('--data-dir <dir>', 'where the server keeps everything');
  addStoreOptions(check).addOption(outputOption()).addHelpText('after', CHECK_HELP).action(runCheck);
  const migrate = store
    .command('migrate')
    .description('copy everything from --data-dir into an etcd, or back')
    .addOption(new Option('--from <engine>', 'where everything is').choices(ENGINES).makeOptionMandatory())
    .addOption(new Option('--to <engine>', 'where everything is to be').choices(ENGINES).makeOptionMandatory())
    .addOption(new Option('--data-dir <dir>', 'of the server: where lmdb is, or is to be').makeOptionMandatory());
  addEtcdOptions(migrate).addOption(outputOption()).addHelpText('after', MIGRATE_HELP).action(runMigrate);
}

async function runCheck(flags: CheckFlags): Promise<void> {
  const [{ checkStoreOf, errorsOf }, { readStore }] = await Promise.all([
    import('../store-ops/look.ts'),
    import('../wiring/store.ts'),
  ]);
  const from = { plan: await readStore(flags), dataDir: flags.dataDir };
  const report = await new Progress(process.stderr).during('check', (tell) => checkStoreOf(from, tell));
  const [{ checkText }, { print }] = await Promise.all([import('../store-ops/text.ts'), import('../output.ts')]);
  await print(report, flags.output, () => checkText(report));
  if (errorsOf(report) > 0) process.exitCode = 1;
}

async function runMigrate(flags: MigrateFlags): Promise<void> {
  const { from, to, dataDir } = flags;
  if (from === to) {
    const { UserError } = await import('../errors.ts');
    throw new UserError(
      `--from and --to are both ${from}`,
      'To copy a store as it is: postern backup, then postern restore.',
    );
  }
  const [{ migrate }, { readStore }, { requireDirectory }] = await Promise.all([
    import('../store-ops/migrate.ts'),
    import('../wiring/store.ts'),
    import('../directory.ts'),
  ]);
  const etcd = await readStore({ ...flags, store: 'etcd' });
  const endOf = (engine: StoreFlags['store']) => ({
    plan: engine === 'etcd' ? etcd : ({ kind: 'lmdb' } as const),
    dataDir,
  });
  if (to === 'lmdb') await requireDirectory('--data-dir', dataDir);
  const report = await new Progress(process.stderr).during('migrate', (tell) =>
    migrate({ from: endOf(from), to: endOf(to), tell }),
  );
  const [{ migrateText }, { print }] = await Promise.all([import('../store-ops/text.ts'), import('../output.ts')]);
  await print(report, flags.output, () => migrateText(report));
}
