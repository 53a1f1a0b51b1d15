/** Puts a node's agent together: every part that runs on a node, each a client of the API. */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Node } from '../../api/core/v1/node.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { Endpoint } from '../../client/client.ts';
import { createClient } from '../../client/http-client.ts';
import { Informers } from '../../client/informers.ts';
import { learnServers } from '../../client/learn-servers.ts';
import { startDNS } from '../../dns/dns.ts';
import { systemClock } from '../../host/clock.ts';
import { createLogger, type Logger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { openNft } from '../../host/open-nft.ts';
import { aborted } from '../../lib/abort.ts';
import { addIP, type CIDR, mustParseIP, printIP } from '../../lib/ip.ts';
import { cleanupPodNetwork, podNetworkAnnotations, startPodNetwork } from '../../network/network.ts';
import { NodeTakenError } from '../../node/claim.ts';
import { startNode } from '../../node/node.ts';
import { cleanupPods } from '../../pods/cleanup.ts';
import { startPods } from '../../pods/pods.ts';
import { isEligible } from '../../proxy/health/answers.ts';
import { startProxy } from '../../proxy/proxy.ts';
import { cleanupGuests } from '../../vm/cleanup.ts';
import { startVMs } from '../../vm/vms.ts';
import type { AnnouncerOptions } from '../announcer-options.ts';
import type { ContainerFlags } from '../container-options.ts';
import type { EgressFlags } from '../egress-options.ts';
import { UserError } from '../errors.ts';
import type { FirewallFlags } from '../firewall-options.ts';
import type { NodeCertificate } from '../join/certificate.ts';
import type { PodNetworkFlags } from '../pod-network-options.ts';
import type { ModeName } from '../proxy-mode.ts';
import { cleanupAnnouncer, startAnnouncer } from './announcer.ts';
import {
  CLUSTER_DOMAIN,
  FIREWALL_SOCKET,
  FIREWALL_STATE_SOCKET,
  L2_METRICS_PORT,
  L2_SOCKET,
  L2_STATE_SOCKET,
  PROXY_HEALTH_PORT,
  PROXY_METRICS_PORT,
  PROXY_SOCKET,
} from './defaults.ts';
import { keepMemorySmall } from './memory.ts';
import { canChangeUser, DHCP_ID, GUEST_ID } from './privileges.ts';
import { cleanupProxy, openModes } from './proxy-modes.ts';
import { zoneOf } from './proxy-node.ts';
import { StartOver } from './start-over.ts';

export interface AgentOptions extends ContainerFlags, EgressFlags, FirewallFlags, PodNetworkFlags {
  readonly endpoint: Endpoint;
  readonly nodeName: string;
  /** What tells this agent from others that have the node's name; undefined: there can be no others. */
  readonly agentId?: string;
  /** Keeps what was learned for the next start: a renewed certificate, and which servers there are. */
  readonly keep?: {
    readonly certificate: (next: NodeCertificate) => Promise<void>;
    readonly servers: (urls: readonly string[]) => Promise<void>;
  };
  /** This node's own addresses on the LAN, at most one per family. */
  readonly nodeIPs: readonly string[];
  /** The interface that holds them. */
  readonly lanInterface: string;
  readonly stateDir: string;
  readonly imageDir: string;
  /** Milliseconds for which a sign of life of the node is good. Default: a kubelet's. */
  readonly leaseDuration?: number;
  readonly clusterCIDRs: readonly CIDR[];
  /** How the node proxy programs the kernel. */
  readonly proxyMode: ModeName;
  /** How load balancer addresses are announced. */
  readonly announcer: AnnouncerOptions;
  /**
   * What happens to guests, rules and addresses when the agent stops: `leave` them working, as for an upgrade, or `end`
   * and remove them.
   */
  readonly onStop: 'leave' | 'end';
}

/**
 * Runs until the signal is aborted. `ready` is called once, when every part has seen the API's objects and acted on them.
 * With `onStop: 'end'` nothing is left on the machine afterwards, also when a part could not start and when an earlier run
 * was killed.
 */
export async function runAgent(options: AgentOptions, signal: AbortSignal, ready: () => void): Promise<void> {
  const log = createLogger('agent');
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const runner = await openNft({ log });
  // All agents were told of the same servers in the same order.
  const client = createClient(options.endpoint, { spread: true });
  // Ends the parts; fired after the guests have been seen to, because that needs the API.
  const parts = new AbortController();
  // Fired when another machine turns out to be this node.
  const lost = new AbortController();
  try {
    await runParts({ ...options, client, runner, log, lost }, signal, parts, ready);
  } finally {
    parts.abort(signal.reason);
    if (onStop(options, signal) === 'end' || lost.signal.aborted) await cleanUp(runner, options, log);
    client.close();
  }
}

/** Whoever starts over finds everything again. */
const onStop = (options: AgentOptions, signal: AbortSignal): AgentOptions['onStop'] =>
  signal.reason instanceof StartOver ? 'leave' : options.onStop;

type PartOptions = AgentOptions & {
  readonly client: ReturnType<typeof createClient>;
  readonly runner: NftRunner;
  readonly log: Logger;
  readonly lost: AbortController;
};

async function runParts(
  options: PartOptions,
  signal: AbortSignal,
  ending: AbortController,
  ready: () => void,
): Promise<void> {
  const parts = ending.signal;
  const { client, runner, nodeName, stateDir, log, lost } = options;
  const informers = new Informers({ client, log: log.child({ component: 'informers' }) });
  const part = (component: string) => ({ client, informers, nodeName, log: log.child({ component }) });
  const self = () => informers.of(Node).get({ name: nodeName });
  const node = await startNode(
    {
      ...part('node'),
      addresses: options.nodeIPs,
      annotations: podNetworkAnnotations({ ...options, mode: options.podNetwork }),
      ...(options.agentId === undefined ? {} : { agentId: options.agentId }),
      taken: (by) => lost.abort(takenError(by, nodeName)),
      ...(options.leaseDuration === undefined ? {} : { leaseDuration: options.leaseDuration }),
    },
    parts,
  ).catch((error: unknown) => {
    throw error instanceof NodeTakenError ? takenError(error, nodeName) : error;
  });
  const slices = informers.of(EndpointSlice);
  learnServers({ servers: client.servers, slices, ...(options.keep && { save: options.keep.servers }), log });
  void keepNodeCertificate(options, parts);
  const podCIDRs = await Promise.race([node.podCIDRs, aborted(signal).then(() => [])]);
  if (signal.aborted) return;

  const [network, proxy] = await allStarted(ending, [
    startPodNetwork(
      {
        ...part('network'),
        podCIDRs,
        stateDir: join(stateDir, 'network'),
        lanInterface: options.lanInterface,
        clusterDomain: CLUSTER_DOMAIN,
        clusterCIDRs: options.clusterCIDRs,
        masquerade: options.masquerade,
        nonMasqueradeCIDRs: options.nonMasqueradeCidrs ?? [],
        mode: options.podNetwork,
        vxlanPort: options.vxlanPort,
        ...(canChangeUser() ? { runAs: { uid: DHCP_ID, gid: DHCP_ID } } : {}),
      },
      parts,
    ),
    openModes(options.proxyMode, { podCIDRs, clusterCIDRs: options.clusterCIDRs }, runner).then((modes) =>
      startProxy(
        {
          ...part('proxy'),
          ...modes,
          nodeAddresses: () => options.nodeIPs.map(mustParseIP),
          zone: () => zoneOf(self()),
          nodeEligible: () => isEligible(self()),
          serve: {
            health: options.nodeIPs.map((address) => ({ address, port: PROXY_HEALTH_PORT })),
            metrics: [
              { address: '127.0.0.1', port: PROXY_METRICS_PORT },
              { address: resolve(stateDir, PROXY_SOCKET), port: 0 },
            ],
          },
        },
        parts,
      ),
    ),
  ]);
  // Its level is its own: the MetalLB object says how much announcers log, not agents.
  const announcerLog = createLogger('agent');
  // Only now: who announces an address is sent its packets, and the proxy has to know what to do with them.
  const firewallParts = {
    ...{ ...options, ...part('firewall'), nodeAddresses: options.nodeIPs },
    heartbeatPort: options.announcer.heartbeats.interval === 0 ? undefined : options.announcer.heartbeats.port,
    vxlanPort: options.podNetwork === 'direct' ? undefined : options.vxlanPort,
    serve: [
      { address: FIREWALL_SOCKET, port: 0 },
      { address: resolve(stateDir, FIREWALL_STATE_SOCKET), port: 0 },
    ],
  };
  const [announcer, firewall, vms, pods] = await allStarted(ending, [
    startAnnouncer(
      {
        ...part('l2'),
        ...options.announcer,
        log: announcerLog.child({ component: 'l2' }),
        setLogLevel: announcerLog.setLevel,
        runner,
        serve: [
          { address: '127.0.0.1', port: L2_METRICS_PORT },
          { address: L2_SOCKET, port: 0 },
          { address: resolve(stateDir, L2_STATE_SOCKET), port: 0 },
        ],
      },
      parts,
    ),
    options.firewall === 'none'
      ? Promise.resolve(undefined)
      : firewalls().then(({ startNodeFirewall }) => startNodeFirewall(firewallParts, parts)),
    startVMs(
      {
        ...part('vm'),
        hostIPs: options.nodeIPs,
        network,
        stateDir: join(stateDir, 'vms'),
        imageDir: options.imageDir,
        ...(canChangeUser() ? { runAs: { uid: GUEST_ID, gid: GUEST_ID } } : {}),
      },
      parts,
    ),
    startPods(
      {
        ...part('pods'),
        servers: client.servers,
        runtimeEndpoint: options.containerRuntimeEndpoint,
        hostIPs: options.nodeIPs,
        network,
        stateDir,
        clusterDomain: CLUSTER_DOMAIN,
        clusterDNS: podCIDRs.map(gateway),
        forwarded: proxy.settled,
      },
      parts,
    ),
    startDNS(
      {
        ...part('dns'),
        listen: podCIDRs.map((cidr) => ({ address: gateway(cidr), port: 53 })),
        clusterDomain: CLUSTER_DOMAIN,
      },
      parts,
    ),
  ]);
  ready();
  void keepMemorySmall({ log }, parts);
  if (options.firewall === 'none') void firewalls().then(({ tellFirewallPlan }) => tellFirewallPlan(firewallParts));
  await aborted(AbortSignal.any([signal, lost.signal]));
  if (lost.signal.aborted) {
    log.error(
      { err: lost.signal.reason },
      'ends, with its guests, pods and announcements: they are the other machine’s now',
    );
    // What is said to the API from now on would be taken for the other's.
    client.close();
    ending.abort(lost.signal.reason);
    await Promise.all([proxy.stopped, announcer.stopped, firewall?.stopped]);
    throw lost.signal.reason;
  }

  // While all else still works: connections go on, by whoever takes over.
  await announcer.leave();
  const stopping = onStop(options, signal);
  await Promise.all([vms.stop(stopping), pods.stop(stopping)]);
  // A proxy that still runs would put back what is taken from it.
  ending.abort(signal.reason);
  await Promise.all([proxy.stopped, announcer.stopped, firewall?.stopped]);
}

/** Renews the certificate that the agent has as its node; other credentials are their owner's to renew. */
async function keepNodeCertificate(options: PartOptions, signal: AbortSignal): Promise<void> {
  const { client, endpoint, nodeName, agentId = '', keep } = options;
  const { clientCertificate: certificate } = endpoint;
  if (certificate === undefined) return;
  const { isNodeCertificate, keepCertificate } = await import('../join/rotation.ts');
  if (!isNodeCertificate(certificate, nodeName)) return;
  const renewed = async (next: NodeCertificate): Promise<void> => {
    await keep?.certificate(next);
    client.servers.renew({ clientCertificate: next.certificate, clientKey: next.key });
  };
  const log = options.log.child({ component: 'certificate' });
  await keepCertificate({ client, nodeName, agentId, certificate, renewed, clock: systemClock, log }, signal);
}

function takenError(by: NodeTakenError, nodeName: string): UserError {
  return new UserError(
    `this machine cannot be the node ${JSON.stringify(nodeName)}: ${by.message}`,
    by.isCopy
      ? 'On the machine that is the copy: delete the copied --state-dir, and start its agent with another --node-name NAME and a new token (postern token create).'
      : 'Choose another name, --node-name NAME. If the other is not to be that node, stop its agent, and start this one again.',
    { cause: by },
  );
}

/** Waits for all. When one fails the others are ended first: nothing may still go up while it is being taken down. */
async function allStarted<T extends readonly Promise<unknown>[]>(
  ending: AbortController,
  starting: readonly [...T],
): Promise<{ -readonly [P in keyof T]: Awaited<T[P]> }> {
  for (const part of starting) part.catch((error: unknown) => ending.abort(error));
  await Promise.allSettled(starting);
  return await Promise.all(starting);
}

/** Loaded late: hardly anything of it is needed by an agent that leaves the firewall alone. */
const firewalls = () => import('./node-firewall.ts');

/** Takes away what the parts of this run, or of an earlier one that was killed, have put on the machine. */
async function cleanUp(nft: NftRunner, options: AgentOptions, log: Logger): Promise<void> {
  const { stateDir, lanInterface, nodeName, containerRuntimeEndpoint: runtimeEndpoint } = options;
  await cleanupGuests(join(stateDir, 'vms'));
  await cleanupPods({ nodeName, stateDir, runtimeEndpoint, log });
  // A firewall that is away must not keep the rest from being removed.
  const { cleanupFirewalls } = await firewalls();
  await cleanupFirewalls({ lanInterface, log, nft }).catch((err: unknown) => {
    log.warn({ err }, 'cannot close what was opened in the firewall; later: postern firewall cleanup');
  });
  await cleanupProxy(nft);
  await cleanupAnnouncer(nft);
  await cleanupPodNetwork();
}

/** The first host address of a node's pod prefix: its bridge's own, the guests' router and DNS server. */
function gateway(cidr: CIDR): string {
  return printIP(addIP(cidr.base, 1));
}
