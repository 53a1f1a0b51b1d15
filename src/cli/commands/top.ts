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
  readonly allNamespaces?: true;
  readonly endpoints?: true;
  readonly watch?: true;
  readonly sortBy: SortBy;
  readonly proxy: readonly string[];
  readonly dataDir?: string;
  readonly output: OutputFormat;
}

const EXAMPLES = `
IN is what goes to endpoints, OUT what comes back. The kernel of each node counts; a packet that it joined from several is one.

Examples:
  postern top services -A
  postern top services -n example-namespace --endpoints --watch
  postern top services --data-dir DIR -A -o json`;

export function addTopCommand(postern: Command): void {
  postern
    .command('top')
    .description('say what is busy')
    .command('services')
    .description('connections, packets and bytes of the Services that had any, each second and in all')
    .addOption(namespaceOption())
    .option('-A, --all-namespaces', 'of all namespaces')
    .option('--endpoints', 'of each endpoint too')
    .option('-w, --watch', 'again every second')
    .addOption(
      new Option('--sort-by <what>', 'the busiest first, by')
        .choices(['connections', 'packets', 'bytes'])
        .default('bytes'),
    )
    .addOption(
      new Option('--proxy <place>', 'URL or unix socket of a proxy; may be repeated')
        .argParser(more)
        .default([], 'that of this machine'),
    )
    .option('--data-dir <dir>', 'ask the proxy of `postern up`, or of every node of `postern lab`, that is kept there')
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
    const rows = rowsOf(pairs, { namespace, endpoints: flags.endpoints ?? false, sortBy: flags.sortBy });
    if (flags.watch && flags.output === undefined && process.stdout.isTTY) process.stdout.write(CLEAR);
    await print(rows, flags.output, () =>
      rows.length === 0 ? nothing(namespace) : trafficTable(rows, { namespaces: flags.allNamespaces ?? false }),
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
