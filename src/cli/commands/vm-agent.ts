/** `postern vm agent`: guests of VirtualMachines on this machine, in any Kubernetes cluster. */
import { type Command, Option } from 'commander';
import type { CIDR } from '../../lib/ip.ts';
import { requireDirectory } from '../directory.ts';
import { addEgressOptions, type EgressFlags, egressFlags } from '../egress-options.ts';
import { kubeconfigOption } from '../kubeconfig.ts';
import { parseAddress, parseCIDRs, parsedOption } from '../options.ts';
import { addPodNetworkOptions, type PodNetworkFlags, podNetworkFlags } from '../pod-network-options.ts';
import { endSignal } from '../signals.ts';
import { CLUSTER_DOMAIN, DEFAULT_CLUSTER_CIDRS, IMAGE_DIR } from '../wiring/defaults.ts';

interface Flags extends EgressFlags, PodNetworkFlags {
  readonly kubeconfig?: string;
  readonly node?: string;
  readonly nodeIp?: readonly string[];
  readonly interface?: string;
  readonly stateDir: string;
  readonly imageDir: string;
  readonly podCidr: readonly CIDR[];
  readonly clusterCidr: readonly CIDR[];
  readonly clusterDomain: string;
  readonly onStop: 'leave' | 'end';
}

const EXAMPLES = `
Examples:
  postern vm agent --kubeconfig kubeconfig --state-dir /var/lib/postern/guests
  postern vm agent --kubeconfig kubeconfig --state-dir DIR --node host7-guests --pod-cidr 10.245.7.0/24
  postern controllers --only virtualmachine,virtualmachineinstance --guest-nodes --kubeconfig kubeconfig`;

export function addVmAgentCommand(vm: Command): void {
  const agent = vm
    .command('agent')
    .description('run guests on this machine, as a Node of their own in any Kubernetes cluster (needs root)')
    .addOption(kubeconfigOption())
    .option('--node <name>', 'the Node that is made for them; default: the host name and "-guests"')
    .requiredOption('--state-dir <dir>', 'what must survive a restart of the agent')
    .option('--node-ip <address>', 'an address of this machine on the LAN; may be given once per family', parseAddress)
    .option('--interface <name>', 'the LAN interface; default: that of the default route')
    .option('--image-dir <dir>', 'guest images', IMAGE_DIR)
    .addOption(
      new Option('--pod-cidr <cidrs>', "prefixes of this machine's guests, at most one per family")
        .argParser(parseCIDRs)
        .default([], "the Node's podCIDRs, once it is given some"),
    )
    .addOption(
      parsedOption('--cluster-cidr <cidrs>', 'prefixes of all pods and guests', parseCIDRs, DEFAULT_CLUSTER_CIDRS),
    )
    .option('--cluster-domain <domain>', 'what names of the cluster end in', CLUSTER_DOMAIN)
    .addOption(
      new Option('--on-stop <what>', 'guests and their network when the agent stops')
        .choices(['leave', 'end'])
        .default('leave'),
    );
  addPodNetworkOptions(addEgressOptions(agent)).addHelpText('after', EXAMPLES).action(run);
}

async function run(flags: Flags): Promise<void> {
  const [{ requireAgent }, { keepAgentCapabilities }] = await Promise.all([
    import('../wiring/requirements.ts'),
    import('../wiring/privileges.ts'),
  ]);
  await requireAgent();
  await requireDirectory('--state-dir', flags.stateDir);
  keepAgentCapabilities(false);
  const [{ runGuestNode }, { thisNodeInterface, thisNodeName }, { loadEndpoint }] = await Promise.all([
    import('../wiring/guest-node.ts'),
    import('../wiring/this-node.ts'),
    import('../kubeconfig.ts'),
  ]);
  const lan = await thisNodeInterface(flags.interface);
  const { stateDir, imageDir, clusterDomain, onStop } = flags;
  const options = {
    ...{ stateDir, imageDir, clusterDomain, onStop, ...egressFlags(flags), ...podNetworkFlags(flags) },
    endpoint: await loadEndpoint(flags.kubeconfig),
    nodeName: flags.node ?? `${thisNodeName()}-guests`,
    nodeIPs: flags.nodeIp ?? lan.addresses,
    lanInterface: lan.name,
    podCIDRs: flags.podCidr,
    clusterCIDRs: flags.clusterCidr,
  };
  await runGuestNode(options, endSignal(), () => process.stdout.write('ready\n'));
}
