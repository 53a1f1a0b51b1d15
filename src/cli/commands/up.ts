/** `postern up`: everything on this one machine. */
import type { Command } from 'commander';
import { ALL_CONTROLLERS } from '../../controllers/names.ts';
import { type AnnouncerFlags, addAnnouncerOptions, announcerOf } from '../announcer-options.ts';
import { addCloudOptions, type CloudFlags, cloudArgv } from '../cloud-options.ts';
import { addContainerOptions, type ContainerFlags, containerFlags } from '../container-options.ts';
import { requireDirectory } from '../directory.ts';
import { addEgressOptions, type EgressFlags, egressFlags } from '../egress-options.ts';
import { addFirewallOptions, type FirewallFlags, firewallFlags } from '../firewall-options.ts';
import { dataDirOption, type HostPort, listenOption } from '../options.ts';
import { addPodNetworkOptions, type PodNetworkFlags, podNetworkFlags } from '../pod-network-options.ts';
import { type ModeName, modeOption } from '../proxy-mode.ts';
import { endSignal } from '../signals.ts';
import { IMAGE_DIR } from '../wiring/defaults.ts';

interface Flags extends AnnouncerFlags, CloudFlags, ContainerFlags, EgressFlags, FirewallFlags, PodNetworkFlags {
  readonly dataDir: string;
  readonly listen: HostPort;
  readonly imageDir: string;
  readonly nodeName?: string;
  readonly interface?: string;
  readonly proxyMode: ModeName;
}

export function addUpCommand(postern: Command): void {
  const up = postern
    .command('up')
    .description('run everything on this machine, in the foreground, until Ctrl-C (needs root)')
    .addOption(dataDirOption())
    .addOption(listenOption())
    .option('--image-dir <dir>', 'guest images', IMAGE_DIR)
    .option('--node-name <name>', 'default: the host name')
    .option('--interface <name>', 'the LAN interface; default: that of the default route')
    .addOption(modeOption('--proxy-mode'));
  addCloudOptions(
    addFirewallOptions(addAnnouncerOptions(addEgressOptions(addPodNetworkOptions(addContainerOptions(up))))),
  )
    .addHelpText(
      'after',
      '\nExample:\n  postern up --data-dir /var/lib/postern\n  kubectl --kubeconfig /var/lib/postern/kubeconfig get nodes',
    )
    .action(async (flags: Flags) => {
      const [{ requireAgent }, { keepAgentCapabilities }] = await Promise.all([
        import('../wiring/requirements.ts'),
        import('../wiring/privileges.ts'),
      ]);
      await requireAgent();
      const announcer = await announcerOf(flags);
      await requireDirectory('--data-dir', flags.dataDir);
      keepAgentCapabilities(flags.containerRuntimeEndpoint !== 'none');
      const [{ runUp }, { readCloud }] = await Promise.all([import('../wiring/up.ts'), import('../wiring/cloud.ts')]);
      await readCloud(flags, ALL_CONTROLLERS); // Checked here: the server would complain less plainly.
      const { dataDir, listen, imageDir, nodeName, interface: lan, proxyMode } = flags;
      await runUp(
        {
          ...{ dataDir, listen, imageDir, nodeName, interface: lan, proxyMode, announcer, ...firewallFlags(flags) },
          ...egressFlags(flags),
          ...podNetworkFlags(flags),
          ...containerFlags(flags),
          serverFlags: cloudArgv(flags),
        },
        endSignal(),
      );
    });
}
