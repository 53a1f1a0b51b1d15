/** `postern controllers`: some of the server's controllers alone, against any Kubernetes API. */
import { type Command, Option } from 'commander';
import { CONTROLLER_NAMES, type ControllerName } from '../../controllers/names.ts';
import type { CIDR } from '../../lib/ip.ts';
import { parseControllers } from '../controllers-option.ts';
import { kubeconfigOption } from '../kubeconfig.ts';
import { parseCIDRs, parsedOption } from '../options.ts';
import { endSignal } from '../signals.ts';
import { DEFAULT_CLUSTER_CIDRS } from '../wiring/defaults.ts';

interface Flags {
  readonly kubeconfig?: string;
  readonly only: ReadonlySet<ControllerName>;
  readonly clusterCidr: readonly CIDR[];
}

const HELP = `
Controllers: ${CONTROLLER_NAMES.join(', ')}

Examples:
  postern controllers --only loadbalancer --kubeconfig kubeconfig
  postern controllers --only loadbalancer,metallb,servicestatus --kubeconfig kubeconfig`;

export function addControllersCommand(postern: Command): void {
  postern
    .command('controllers')
    .description("run some of the server's controllers alone, with any Kubernetes API (no root needed)")
    .addOption(
      new Option('--only <names>', 'which, separated by commas').argParser(parseControllers).makeOptionMandatory(),
    )
    .addOption(kubeconfigOption())
    .addOption(
      parsedOption(
        '--cluster-cidr <cidrs>',
        'for nodeipam: prefixes of pods, one per family, primary first',
        parseCIDRs,
        DEFAULT_CLUSTER_CIDRS,
      ),
    )
    .addHelpText('after', HELP)
    .action(run);
}

async function run({ kubeconfig, only, clusterCidr }: Flags): Promise<void> {
  const [{ runLoneControllers }, { loadEndpoint }] = await Promise.all([
    import('../wiring/controllers.ts'),
    import('../kubeconfig.ts'),
  ]);
  const options = { endpoint: await loadEndpoint(kubeconfig), only, clusterCIDRs: clusterCidr };
  await runLoneControllers(options, endSignal(), () => process.stdout.write('ready\n'));
}
