/** `postern top`: what is busy. */
import type { Command } from 'commander';
import { Option } from 'commander';
import { explainError } from '../errors.ts';
import { namespaceOption } from '../kubeconfig.ts';
import { type OutputFormat, outputOption } from '../options.ts';
import { print } from '../output.ts';
import { endSignal } from '../signals.ts';
import type { SortBy } from '../top/rows.ts';

interface Flags {
  readonly namespace: string;
  readonly allNamespaces: boolean;
  readonly endpoints: boolean;
  readonly watch: boolean;
  readonly sortBy: SortBy;
  readonly proxy: readonly string[];
  readonly dataDir?: string;
  readonly output: OutputFormat;
}

const EXAMPLES = `
IN is what goes to endpoints, OUT what comes back. The kernel of each node counts; a packet that it joined from several is one.

Example:
  postern top services -A
  postern top services -n example-namespace --endpoints --watch
  postern top services --data-dir DIR -A -o json`;

export function addTopCommand(postern: Command): void {
  postern
    .command('top')
    .description('say what is busy')
    .command('services')
    .description('connections, packets and bytes of Services, now and in all; those that had any')
    .addOption(namespaceOption())
    .option('-A, --all-namespaces', 'of all namespaces', false)
    .option('--endpoints', 'of each endpoint too', false)
    .option('-w, --watch', 'again every second', false)
    .addOption(
      new Option('--sort-by <what>', 'the busiest first, by')
        .choices(['connections', 'packets', 'bytes'])
        .default('bytes'),
    )
    .option(
      '--proxy <place>',
      'URL or unix socket of a proxy; may be given again. Default: the one of this machine',
      more,
      [],
    )
    .option('--data-dir <dir>', 'the proxies of `postern up`, or of all nodes of DIR of `postern lab`')
    .addOption(outputOption())
    .addHelpText('after', EXAMPLES)
    .action(run);
}

const more = (place: string, others: readonly string[]): readonly string[] => [...others, place];

async function run(flags: Flags): Promise<void> {
  const [{ findProxies }, { watchTraffic }, { rowsOf }, { trafficTable }] = await Promise.all([
    import('../top/proxies.ts'),
    import('../top/watch.ts'),
    import('../top/rows.ts'),
    import('../top/table.ts'),
  ]);
  const places = findProxies(flags.proxy, flags.dataDir);
  const namespace = flags.allNamespaces ? undefined : flags.namespace;
  const warn = (error: unknown) => process.stderr.write(`postern: ${explainError(error)}\n`);
  for await (const pairs of watchTraffic(places, endSignal(), warn)) {
    const rows = rowsOf(pairs, { namespace, endpoints: flags.endpoints, sortBy: flags.sortBy });
    if (flags.watch && flags.output === undefined && process.stdout.isTTY) process.stdout.write(CLEAR);
    print(rows, flags.output, () =>
      rows.length === 0 ? nothing(namespace) : trafficTable(rows, { namespaces: flags.allNamespaces }),
    );
    if (!flags.watch) return;
  }
}

/** Empties the screen of a terminal. */
const CLEAR = '\x1b[H\x1b[2J';

const nothing = (namespace: string | undefined): string =>
  namespace === undefined
    ? 'No Service has had traffic.'
    : `No Service in namespace ${namespace} has had traffic. All namespaces: -A`;
