/** A node's firewall, as its agent keeps it; or what it would do, when it is to leave it alone. */
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import type { Client } from '../../client/client.ts';
import type { Informers } from '../../client/informers.ts';
import { exposedAtOnce } from '../../firewall/exposure/at-once.ts';
import type { FirewallPolicy } from '../../firewall/exposure/policy.ts';
import { type RunningFirewall, startFirewall } from '../../firewall/firewall.ts';
import { planOf } from '../../firewall/plan.ts';
import { admissionText } from '../../firewall/reasons.ts';
import type { Logger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import type { CIDR } from '../../lib/ip.ts';
import { BRIDGE } from '../../network/bridge.ts';
import type { ListenAddress } from '../../proxy/health/listen.ts';
import type { FirewallName } from '../firewall-options.ts';
import { PROXY_HEALTH_PORT } from './defaults.ts';
import { tryNobody, tryOthers } from './firewall-tries.ts';
import { type FirewallPlace, Firewalls } from './firewalls.ts';

export interface NodeFirewallParts {
  readonly client: Client;
  readonly informers: Informers;
  readonly nodeName: string;
  readonly nodeAddresses: readonly string[];
  readonly lanInterface: string;
  readonly firewall: FirewallName;
  readonly firewallPolicy: FirewallPolicy;
  /** Whether others are tried, and this node by them. */
  readonly firewallVerify: boolean;
  /** Who asks for the health of the node proxy besides nodes. */
  readonly firewallHealthFrom?: readonly CIDR[];
  /** Zones of firewalld that are opened besides that of the LAN interface. */
  readonly firewallZones?: readonly string[];
  readonly heartbeatPort: number | undefined;
  /** Undefined: nodes send nothing by VXLAN. */
  readonly vxlanPort: number | undefined;
  /** Without it, addresses of load balancers are not tried. */
  readonly runner?: NftRunner;
  /** Where it is asked what came of trying others. */
  readonly serve: readonly ListenAddress[];
  readonly log: Logger;
}

/** Follows the API until the signal is aborted. What is open stays open then. */
export async function startNodeFirewall(parts: NodeFirewallParts, signal: AbortSignal): Promise<RunningFirewall> {
  const firewalls = new Firewalls(parts);
  const backend = await firewalls.open(parts.firewall);
  parts.log.info({ firewall: backend.name, policy: parts.firewallPolicy }, 'the firewall of this node');
  const running = startFirewall(
    {
      ...{ ...parts, ...proxyHealthOf(parts), backend, podBridge: BRIDGE, policy: parts.firewallPolicy },
      retired: firewalls.others(backend),
    },
    signal,
  );
  const tried = running.synced
    .then(() => (parts.firewallVerify ? tryOthers(parts, signal) : tryNobody(parts)))
    .catch((err: unknown) => parts.log.error({ err }, 'the ports of other nodes are not tried any more'));
  const stopped = Promise.all([running.stopped, tried]).then(() => {});
  return { synced: running.synced, stopped: stopped.finally(() => firewalls.close()) };
}

const proxyHealthOf = ({ firewallHealthFrom: from }: Pick<NodeFirewallParts, 'firewallHealthFrom'>) =>
  from === undefined ? {} : { proxyHealth: { port: PROXY_HEALTH_PORT, from } };

/** Openings that are named where they are told of; the others are counted. */
const NAMED = 10;

/** Says what is not opened because nobody asked for it; nothing on a machine without a firewall. Once the API is known. */
export async function tellFirewallPlan(parts: NodeFirewallParts): Promise<void> {
  const { informers, log } = parts;
  void tryNobody(parts);
  const firewalls = new Firewalls(parts);
  try {
    const backend = await firewalls.open('auto');
    if (backend.name === 'none') return;
    const all = [informers.of(Service), informers.of(Node), informers.of(EndpointSlice)] as const;
    await Promise.all(all.map(({ synced }) => synced));
    const [services, nodes, slices] = [all[0].list(), all[1].list(), all[2].list()];
    const { openings } = exposedAtOnce(
      { services, nodes, slices },
      {
        ...parts,
        ...proxyHealthOf(parts),
        addresses: parts.nodeAddresses,
        policy: parts.firewallPolicy,
        enforces: backend.enforces,
      },
    );
    const { toOpen } = planOf(await backend.current(), openings);
    log.info(
      { firewall: backend.name, wouldOpen: toOpen.slice(0, NAMED).map(admissionText), count: toOpen.length },
      'the firewall of this machine is left as it is; --firewall auto would open what is exposed: see `postern firewall plan`',
    );
  } catch (err) {
    log.warn({ err }, 'cannot tell what would have to be opened in the firewall of this machine');
  } finally {
    await firewalls.close();
  }
}

/** Removes what is ours from every firewall of this machine. */
export async function cleanupFirewalls(place: FirewallPlace): Promise<void> {
  const firewalls = new Firewalls(place);
  try {
    await firewalls.removeAll();
  } finally {
    await firewalls.close();
  }
}
