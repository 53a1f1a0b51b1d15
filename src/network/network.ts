/** Starts and removes a node's pod network. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import { type OpenLinkWatch, openLinkWatch } from '../host/link-watch.ts';
import type { Logger } from '../host/log.ts';
import { countRules } from '../host/nft-rules.ts';
import { type RunCommand, runCommand } from '../host/process.ts';
import { untilAborted } from '../lib/abort.ts';
import { type CIDR, IP_FAMILIES, type IPFamily, printCIDR } from '../lib/ip.ts';
import type { Conntrack } from '../netfilter/conntrack/conntrack.ts';
import { kernelConntrack } from '../netfilter/conntrack/kernel.ts';
import { applyBridge, BRIDGE, deviceExists } from './bridge.ts';
import { desiredDhcp } from './dhcp/config.ts';
import { Dnsmasq, type Identity } from './dhcp/dnsmasq.ts';
import { loadLeases } from './lease-file.ts';
import type { LeaseTable } from './leases.ts';
import { NodeNetwork } from './node-network.ts';
import type { PodNetwork } from './pod-network.ts';
import { listPorts, removeDevice } from './ports.ts';
import { runRouterAdvertisements } from './ra/advertiser.ts';
import { removeRoutes } from './routes/apply.ts';
import { NodeRoutes } from './routes/controller.ts';
import type { PodNetworkMode } from './routes/desired.ts';
import { keepRules, printRulesRemoval } from './rules.ts';
import { cleanupOverlay } from './vxlan/overlay.ts';
import { VXLAN_PORT } from './vxlan/vtep.ts';

export { podNetworkAnnotations } from './routes/agreement.ts';

export interface PodNetworkOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  /** This node's prefixes, at most one per family, the primary family first. */
  readonly podCIDRs: readonly CIDR[];
  /** Holds the leases. */
  readonly stateDir: string;
  /** Whom dnsmasq runs as. Default: ourselves. */
  readonly runAs?: Identity;
  /** Interface towards the other nodes. Default: the kernel's choice. */
  readonly lanInterface?: string;
  readonly clusterDomain: string;
  /** Prefixes of all nodes' pods, among which addresses are not replaced. Default: this node's alone. */
  readonly clusterCIDRs?: readonly CIDR[];
  /** Families whose connections from pods and guests to elsewhere get the node's address (masquerade). Default: both. */
  readonly masquerade?: readonly IPFamily[];
  /** Destinations outside to which addresses are not replaced all the same. */
  readonly nonMasqueradeCIDRs?: readonly CIDR[];
  /** How packets get to the pods of other nodes. Default: auto. */
  readonly mode?: PodNetworkMode;
  /** UDP port of VXLAN. Default: that of the standard. */
  readonly vxlanPort?: number;
  readonly watchLinks?: OpenLinkWatch;
  readonly conntrack?: Conntrack;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly run?: RunCommand;
}

/**
 * Brings the node's pod network up and keeps it so. Resolves once guests can be attached. After the signal is aborted the
 * bridge, the taps and the routes stay, as the guests do; {@link cleanupPodNetwork} removes them.
 */
export async function startPodNetwork(options: PodNetworkOptions, signal: AbortSignal): Promise<PodNetwork> {
  const { nodeName, podCIDRs, stateDir, log, run = runCommand, clock = systemClock } = options;
  const { clusterCIDRs = [], nonMasqueradeCIDRs = [], masquerade = IP_FAMILIES, conntrack = kernelConntrack } = options;
  await mkdir(stateDir, { recursive: true, mode: 0o700 });
  const table = await loadLeases(join(stateDir, 'leases.json'));
  await applyBridge(podCIDRs, nodeName, run);
  const egress = { families: masquerade, podCIDRs, inside: [...clusterCIDRs, ...nonMasqueradeCIDRs] };
  let current = table;
  const { mode = 'auto', vxlanPort = VXLAN_PORT, watchLinks = openLinkWatch } = options;
  const mtuChanged = () => follow(current);
  const routes = new NodeRoutes({ ...options, mode, vxlanPort, watchLinks, mtuChanged, clock, run });
  const mtu = () => routes.mtu;
  const dhcpConfig = ({ leases }: LeaseTable) => desiredDhcp({ ...options, leases, mtu: mtu() });
  const dnsmasq = new Dnsmasq({ ...options, clock }, dhcpConfig(table));
  const follow = (changed: LeaseTable) => {
    current = changed;
    dnsmasq.update(dhcpConfig(changed));
  };
  const network = new NodeNetwork({ ...options, mtu, egress, run, clock, conntrack, follow }, table);
  if (mode === 'direct') await cleanupOverlay(run);
  await network.reconcile();
  const routing = routes.run(signal);
  // How long packets may be is told to guests when they come.
  await untilAborted(routes.synced, signal);
  const advertising = podCIDRs
    .filter(({ base }) => base.family === 'IPv6')
    .map((prefix) => runRouterAdvertisements({ ...options, prefix, mtu, clock }, signal));
  const restore = async () => {
    await network.restoreRules();
    await routes.restoreRules();
  };
  const keeping = keepRules({ count: countRules, restore, clock, log }, signal);
  for (const part of [dnsmasq.run(signal), routing, keeping, ...advertising]) {
    part.catch((err: unknown) => {
      if (!signal.aborted) log.error({ err }, 'a part of the pod network has stopped');
    });
  }
  log.info({ bridge: BRIDGE, podCIDRs: podCIDRs.map(printCIDR), ports: table.leases.length }, 'the pod network is up');
  return network;
}

/** Removes everything that a pod network put on this machine. Ports that guests still use go too. */
export async function cleanupPodNetwork(run: RunCommand = runCommand): Promise<void> {
  for (const device of await listPorts()) await removeDevice(device, run);
  if (await deviceExists(BRIDGE)) await run(['ip', 'link', 'del', BRIDGE]);
  await removeRoutes(run);
  await cleanupOverlay(run);
  await run(['nft', '-f', '-'], { input: printRulesRemoval() });
}
