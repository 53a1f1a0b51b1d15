/** `postern agent`: the parts of one node. */
import type { Command } from 'commander';
import { Option } from 'commander';
import type { Duration } from '../../lib/duration.ts';
import type { CIDR } from '../../lib/ip.ts';
import { type AnnouncerFlags, addAnnouncerOptions, announcerOf } from '../announcer-options.ts';
import { addContainerOptions, type ContainerFlags, containerFlags } from '../container-options.ts';
import { requireDirectory } from '../directory.ts';
import { addEgressOptions, type EgressFlags, egressFlags } from '../egress-options.ts';
import { addFirewallOptions, type FirewallFlags, firewallFlags } from '../firewall-options.ts';
import { nodeLeaseDurationOption } from '../node-lifecycle-options.ts';
import { parseAddress, parseCIDRs, parsedOption, parseServers } from '../options.ts';
import { addPodNetworkOptions, type PodNetworkFlags, podNetworkFlags } from '../pod-network-options.ts';
import { type ModeName, modeOption } from '../proxy-mode.ts';
import { endSignal } from '../signals.ts';
import { DEFAULT_CLUSTER_CIDRS, IMAGE_DIR } from '../wiring/defaults.ts';

interface Flags extends AnnouncerFlags, ContainerFlags, EgressFlags, FirewallFlags, PodNetworkFlags {
  readonly server?: readonly string[];
  readonly token?: string;
  readonly tokenFile?: string;
  readonly kubeconfig?: string;
  readonly apiSocket?: string;
  readonly nodeName?: string;
  readonly nodeIp?: readonly string[];
  readonly interface?: string;
  readonly stateDir: string;
  readonly imageDir: string;
  readonly clusterCidr: readonly CIDR[];
  readonly nodeLeaseDuration: Duration;
  readonly proxyMode: ModeName;
  readonly onStop: 'leave' | 'end';
}

const EXAMPLES = `
Examples:
  postern agent --server https://192.0.2.1:6443 --token-file token --state-dir /var/lib/postern/agent
  postern agent --state-dir /var/lib/postern/agent           once it has joined
  postern agent --kubeconfig node1.kubeconfig --node-name node1 --state-dir /var/lib/postern/agent`;

export function addAgentCommand(postern: Command): void {
  const agent = postern
    .command('agent')
    .description('run one node: pod network, virtual machines, containers, node proxy, layer 2, DNS (needs root)')
    .addOption(
      new Option('--server <urls>', 'servers of the cluster to join, separated by commas').argParser(parseServers),
    )
    .option('--token <token>', 'lets this machine join, once: what `postern token create` prints. A restart needs none')
    .option('--token-file <file>', 'the file that holds the token: no other process sees it')
    .option('--kubeconfig <file>', 'instead of a token: credentials that `postern server --issue NODE=FILE` wrote')
    .requiredOption('--state-dir <dir>', 'what must survive a restart of the agent')
    .option('--api-socket <path>', 'reach the server through this unix socket')
    .option('--node-name <name>', 'default: the host name')
    .option('--node-ip <address>', 'an address of this node on the LAN; may be given once per family', parseAddress)
    .option('--interface <name>', 'the LAN interface; default: that of the default route')
    .option('--image-dir <dir>', 'guest images', IMAGE_DIR)
    .addOption(
      parsedOption(
        '--cluster-cidr <cidrs>',
        'prefixes of pods and virtual machines',
        parseCIDRs,
        DEFAULT_CLUSTER_CIDRS,
      ),
    )
    .addOption(nodeLeaseDurationOption())
    .addOption(modeOption('--proxy-mode'))
    .addOption(
      new Option('--on-stop <what>', 'guests and rules when the agent stops')
        .choices(['leave', 'end'])
        .default('leave'),
    );
  addFirewallOptions(addAnnouncerOptions(addEgressOptions(addPodNetworkOptions(addContainerOptions(agent)))))
    .addHelpText('after', EXAMPLES)
    .action(async (flags: Flags) => {
      const [{ requireAgent }, { keepAgentCapabilities }] = await Promise.all([
        import('../wiring/requirements.ts'),
        import('../wiring/privileges.ts'),
      ]);
      await requireAgent();
      const announcer = await announcerOf(flags);
      await requireDirectory('--state-dir', flags.stateDir);
      keepAgentCapabilities(flags.containerRuntimeEndpoint !== 'none');
      const [
        { runAgent },
        { thisNodeInterface, thisNodeName },
        { agentCredentials },
        { lockStateDir },
        { whileAddressed },
        { createLogger },
      ] = await Promise.all([
        import('../wiring/agent.ts'),
        import('../wiring/this-node.ts'),
        import('../join/credentials.ts'),
        import('../join/state-lock.ts'),
        import('../wiring/start-over.ts'),
        import('../../host/log.ts'),
      ]);
      lockStateDir(flags.stateDir);
      const lan = await thisNodeInterface(flags.interface);
      const nodeName = flags.nodeName ?? thisNodeName();
      const signal = endSignal();
      const { endpoint, ...identity } = await agentCredentials({ ...flags, nodeName }, signal);
      const run = (until: AbortSignal) =>
        runAgent(
          {
            endpoint: flags.apiSocket === undefined ? endpoint : { ...endpoint, socketPath: flags.apiSocket },
            ...identity,
            nodeName,
            nodeIPs: flags.nodeIp ?? lan.addresses,
            lanInterface: lan.name,
            stateDir: flags.stateDir,
            imageDir: flags.imageDir,
            clusterCIDRs: flags.clusterCidr,
            leaseDuration: flags.nodeLeaseDuration,
            proxyMode: flags.proxyMode,
            announcer,
            ...egressFlags(flags),
            ...podNetworkFlags(flags),
            ...containerFlags(flags),
            ...firewallFlags(flags),
            onStop: flags.onStop,
          },
          until,
          () => process.stdout.write('ready\n'),
        );
      // Addresses that were said stay so.
      if (flags.nodeIp !== undefined) await run(signal);
      else await whileAddressed({ lan, interface: flags.interface, log: createLogger('agent') }, signal, run);
    });
}
