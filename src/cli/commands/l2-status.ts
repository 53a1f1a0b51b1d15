/** `postern l2 status`: who announces what, and how the announcers see each other. */
import { type Command, Option } from 'commander';
import { explainError, UserError } from '../errors.ts';
import { isNamed, kubeconfigOption } from '../kubeconfig.ts';
import type { ClusterView } from '../l2/cluster.ts';
import type { L2Report } from '../l2/report.ts';
import { print } from '../output.ts';

interface Flags {
  readonly kubeconfig?: string;
  readonly socket: readonly string[];
  readonly dataDir?: string;
  readonly output?: 'json' | 'yaml' | 'wide';
}

const EXAMPLES = `
What an announcer of this machine sees right now is told by itself, at its socket; what all nodes announce, by the API.

Examples:
  postern l2 status
  postern l2 status --kubeconfig kubeconfig
  postern l2 status --data-dir DIR -o wide`;

export function addL2StatusCommand(l2: Command): void {
  l2.command('status')
    .description('which node announces which address, how the nodes see each other, and what is wrong')
    .addOption(kubeconfigOption())
    .addOption(
      new Option('--socket <place>', 'unix socket or URL of an announcer; may be repeated')
        .argParser(more)
        .default([], 'that of this machine'),
    )
    .option('--data-dir <dir>', 'ask the announcer of `postern up`, or those of all nodes of `postern lab`, kept there')
    .addOption(
      new Option(
        '-o, --output <format>',
        'output for programs; wide: what other nodes announce, and counters too',
      ).choices(['json', 'yaml', 'wide']),
    )
    .addHelpText('after', EXAMPLES)
    .action(run);
}

const more = (place: string, others: readonly string[]): readonly string[] => [...others, place];

/** What is printed for programs. */
interface StatusOutput {
  readonly announcers?: readonly L2Report[];
  readonly cluster?: ClusterView;
}

async function run(flags: Flags): Promise<void> {
  const [{ announcers, failures }, cluster] = [await askAnnouncers(flags), await readCluster(flags)];
  if (announcers.length === 0 && cluster === undefined) {
    throw failures[0] ?? new UserError('no announcer runs on this machine', ELSEWHERE);
  }
  for (const failure of failures) process.stderr.write(`postern: ${explainError(failure)}\n`);
  const output: StatusOutput = {
    ...(announcers.length === 0 ? {} : { announcers }),
    ...(cluster === undefined ? {} : { cluster }),
  };
  const { reportsText } = await import('../l2/text.ts');
  const { clusterText } = await import('../l2/cluster-text.ts');
  const wide = flags.output === 'wide';
  await print(output, flags.output === 'wide' ? undefined : flags.output, () =>
    [
      ...(announcers.length === 0 ? [] : [reportsText(announcers, { wide })]),
      ...(cluster === undefined ? [] : [clusterText(cluster)]),
    ].join('\n\n'),
  );
}

const ELSEWHERE =
  'Of a lab, with all its nodes: --data-dir DIR. Of a whole cluster, from its API: --kubeconfig FILE. Of a socket: --socket PATH.';

/** What those say that answer, and why the others do not. */
async function askAnnouncers({ socket, dataDir }: Flags) {
  const { askAnnouncer, findAnnouncers } = await import('../l2/announcers.ts');
  const answers = await Promise.allSettled(findAnnouncers(socket, dataDir).map(askAnnouncer));
  return {
    announcers: answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : [])),
    failures: answers.flatMap((answer): readonly unknown[] => (answer.status === 'rejected' ? [answer.reason] : [])),
  };
}

/** Undefined when no API is named. */
async function readCluster({ kubeconfig, socket, dataDir }: Flags): Promise<ClusterView | undefined> {
  if (!isNamed(kubeconfig) || socket.length > 0 || dataDir !== undefined) return undefined;
  const [{ withClient }, { clusterView }] = await Promise.all([import('../kubeconfig.ts'), import('../l2/cluster.ts')]);
  return withClient(kubeconfig, (client) => clusterView(client, Date.now()));
}
