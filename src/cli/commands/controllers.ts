/** `postern controllers`: some of the server's controllers alone, against any Kubernetes API. */
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CONTROLLER_NAMES, type ControllerName } from '../../controllers/names.ts';
import { type Duration, seconds } from '../../lib/duration.ts';
import type { CIDR } from '../../lib/ip.ts';
import { addCloudOptions, type CloudFlags } from '../cloud-options.ts';
import { parseControllers } from '../controllers-option.ts';
import { UserError } from '../errors.ts';
import { kubeconfigOption } from '../kubeconfig.ts';
import { nodeMonitorGraceOption } from '../node-lifecycle-options.ts';
import { parseCIDRs, parseDuration, parsedOption } from '../options.ts';
import { endSignal } from '../signals.ts';
import { DEFAULT_CLUSTER_CIDRS } from '../wiring/defaults.ts';

interface Flags extends CloudFlags {
  readonly kubeconfig?: string;
  readonly only: ReadonlySet<ControllerName>;
  readonly clusterCidr: readonly CIDR[];
  readonly nodeMonitorGracePeriod: Duration;
  readonly guestNodes?: true;
  readonly leaderElect: boolean;
  readonly leaderElectLeaseDuration: Duration;
}

const HELP = `
Controllers: ${CONTROLLER_NAMES.join(', ')}

Examples:
  postern controllers --only loadbalancer --kubeconfig kubeconfig
  postern controllers --only loadbalancer,metallb,servicestatus --kubeconfig kubeconfig
  postern controllers --only cloud --cloud-provider oci --cloud-config cloud.yaml --kubeconfig kubeconfig`;

export function addControllersCommand(postern: Command): void {
  const controllers = postern
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
    .addOption(nodeMonitorGraceOption())
    .option('--guest-nodes', 'for virtualmachineinstance: guests go only to Nodes of `postern vm agent`')
    .addOption(
      new Option(
        '--leader-elect <boolean>',
        'of several processes with the same --only, one works and the others are ready to: by a Lease in kube-system',
      )
        .choices(['true', 'false'])
        .argParser(parseBoolean)
        .default(true),
    )
    .addOption(
      parsedOption(
        '--leader-elect-lease-duration <duration>',
        'how long the others wait for one that is silent',
        parseLeaseDuration,
        '15s',
      ),
    );
  addCloudOptions(controllers).addHelpText('after', HELP).action(run);
}

function parseBoolean(text: string): boolean {
  if (text === 'true' || text === 'false') return text === 'true';
  throw new InvalidArgumentError('It is true or false.');
}

/** The field of a Lease holds whole seconds. */
function parseLeaseDuration(text: string): Duration {
  const duration = parseDuration(text);
  if (duration >= seconds(2) && duration % seconds(1) === 0) return duration;
  throw new InvalidArgumentError('It is a whole number of seconds, at least 2s.');
}

async function run(flags: Flags): Promise<void> {
  const { kubeconfig, only, clusterCidr } = flags;
  const [{ runLoneControllers }, { loadEndpoint }, { readCloud }] = await Promise.all([
    import('../wiring/controllers.ts'),
    import('../kubeconfig.ts'),
    import('../wiring/cloud.ts'),
  ]);
  const isNamed = only.has('cloud') && only.size < CONTROLLER_NAMES.length;
  if (isNamed && flags.cloudProvider === undefined) {
    throw new UserError('The controller cloud needs a cloud.', 'Say --cloud-provider oci and --cloud-config FILE.');
  }
  const cloud = await readCloud(flags, only);
  const election = flags.leaderElect ? { leaseDuration: flags.leaderElectLeaseDuration } : undefined;
  const { nodeMonitorGracePeriod } = flags;
  const guestNodes = flags.guestNodes ?? false;
  const settings = { only, clusterCIDRs: clusterCidr, nodeMonitorGracePeriod, guestNodes };
  const options = { endpoint: await loadEndpoint(kubeconfig), ...settings, cloud, election };
  await runLoneControllers(options, endSignal(), () => process.stdout.write('ready\n'));
}
