/**
 * A Node that runs guests and nothing else, put together: for a Kubernetes cluster whose other nodes are kubelets'. It has a name and
 * prefixes of its own, also where a kubelet runs on the same machine.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Node } from '../../api/core/v1/node.ts';
import { GUEST_NODE } from '../../api/kubevirt/v1/launcher-pod.ts';
import { isAlreadyExists, isNotFound } from '../../api/status.ts';
import { type Client, type Endpoint, TransportError } from '../../client/client.ts';
import { createClient } from '../../client/http-client.ts';
import { Informers } from '../../client/informers.ts';
import { startDNS } from '../../dns/dns.ts';
import { systemClock } from '../../host/clock.ts';
import { createLogger, type Logger } from '../../host/log.ts';
import { aborted } from '../../lib/abort.ts';
import { seconds } from '../../lib/duration.ts';
import { addIP, type CIDR, printIP } from '../../lib/ip.ts';
import { cleanupPodNetwork, podNetworkAnnotations, startPodNetwork } from '../../network/network.ts';
import { NodeTakenError } from '../../node/claim.ts';
import { startNode } from '../../node/node.ts';
import { cleanupGuests } from '../../vm/cleanup.ts';
import { startVMs } from '../../vm/vms.ts';
import type { EgressFlags } from '../egress-options.ts';
import { UserError } from '../errors.ts';
import { agentId } from '../join/membership.ts';
import type { PodNetworkFlags } from '../pod-network-options.ts';
import { keepMemorySmall } from './memory.ts';
import { canChangeUser, DHCP_ID, GUEST_ID } from './privileges.ts';

export interface GuestNodeOptions extends EgressFlags, PodNetworkFlags {
  readonly endpoint: Endpoint;
  readonly nodeName: string;
  /** This machine's own addresses on the LAN, at most one per family. */
  readonly nodeIPs: readonly string[];
  readonly lanInterface: string;
  readonly stateDir: string;
  readonly imageDir: string;
  /** This node's prefixes; none: those that its Node is given. */
  readonly podCIDRs: readonly CIDR[];
  /** Prefixes of all pods and guests. */
  readonly clusterCIDRs: readonly CIDR[];
  readonly clusterDomain: string;
  /** What happens to guests and the network when this ends: `leave` them working, or `end` and remove them. */
  readonly onStop: 'leave' | 'end';
}

/** Runs until the signal is aborted. `ready` is called once, when guests can run. Throws {@link UserError} for a Node of others. */
export async function runGuestNode(options: GuestNodeOptions, signal: AbortSignal, ready: () => void): Promise<void> {
  const log = createLogger('vm');
  await mkdir(options.stateDir, { recursive: true, mode: 0o700 });
  const client = createClient(options.endpoint);
  const ending = new AbortController();
  try {
    await ensureOwnNode(client, options.nodeName, log, signal);
    if (!signal.aborted) await runParts(options, client, log, signal, ending, ready);
  } finally {
    ending.abort(signal.reason);
    if (options.onStop === 'end') {
      await cleanupGuests(join(options.stateDir, 'vms'));
      await cleanupPodNetwork();
    }
    client.close();
  }
}

async function runParts(
  options: GuestNodeOptions,
  client: Client,
  log: Logger,
  signal: AbortSignal,
  ending: AbortController,
  ready: () => void,
): Promise<void> {
  const { nodeName, stateDir, clusterDomain, clusterCIDRs } = options;
  const part = (component: string) => ({ client, nodeName, log: log.child({ component }) });
  const taken = new AbortController();
  const node = await startNode(
    {
      ...part('node'),
      addresses: options.nodeIPs,
      annotations: podNetworkAnnotations({ ...options, mode: options.podNetwork }),
      agentId: await agentId(stateDir),
      taken: (by) => taken.abort(takenError(by)),
    },
    ending.signal,
  ).catch((error: unknown) => {
    throw error instanceof NodeTakenError ? takenError(error) : error;
  });
  const given = options.podCIDRs.length > 0 ? options.podCIDRs : node.podCIDRs;
  const podCIDRs = await Promise.race([given, aborted(signal).then(() => [])]);
  if (signal.aborted) return;
  const network = await startPodNetwork(
    {
      ...part('network'),
      ...{ podCIDRs, clusterCIDRs, clusterDomain },
      // Ways to the pods of kubelets are made by the cluster's own network plugin.
      informers: new Informers({ client: withGuestNodes(client), log: log.child({ component: 'informers' }) }),
      stateDir: join(stateDir, 'network'),
      lanInterface: options.lanInterface,
      masquerade: options.masquerade,
      nonMasqueradeCIDRs: options.nonMasqueradeCidrs ?? [],
      mode: options.podNetwork,
      vxlanPort: options.vxlanPort,
      ...(canChangeUser() ? { runAs: { uid: DHCP_ID, gid: DHCP_ID } } : {}),
    },
    ending.signal,
  );
  const gateways = podCIDRs.map((cidr) => printIP(addIP(cidr.base, 1)));
  const [vms] = await Promise.all([
    startVMs(
      {
        ...part('vm'),
        informers: new Informers({ client, log: log.child({ component: 'informers' }) }),
        ...{ hostIPs: options.nodeIPs, network, imageDir: options.imageDir, stateDir: join(stateDir, 'vms') },
        ...(canChangeUser() ? { runAs: { uid: GUEST_ID, gid: GUEST_ID } } : {}),
      },
      ending.signal,
    ),
    startDNS(
      { ...part('dns'), clusterDomain, listen: gateways.map((address) => ({ address, port: 53 })) },
      ending.signal,
    ),
  ]);
  void keepMemorySmall({ log }, ending.signal);
  if (!signal.aborted) ready();
  await aborted(AbortSignal.any([signal, taken.signal]));
  await vms.stop(taken.signal.aborted ? 'end' : options.onStop);
  if (taken.signal.aborted) throw taken.signal.reason;
}

/** Between two tries to reach an API that does not answer yet. */
const RETRY = seconds(1);

/** Makes the Node before anything else may take it for one of a kubelet. Waits for an API that does not answer. */
async function ensureOwnNode(client: Client, name: string, log: Logger, signal: AbortSignal): Promise<void> {
  let isTold = false;
  while (!signal.aborted) {
    try {
      const node = await client.get(Node, { name }).catch((error: unknown) => {
        if (isNotFound(error)) return undefined;
        throw error;
      });
      if (node === undefined) await client.create(Node, newNode(name));
      else if (node.metadata.labels?.[GUEST_NODE] === undefined) throw othersNode(name);
      return;
    } catch (err) {
      if (isAlreadyExists(err)) continue; // Somebody made it meanwhile: look whose it is.
      if (!(err instanceof TransportError)) throw err;
      if (!isTold) log.warn({ reason: err.message }, 'the API cannot be reached; waiting for it');
      isTold = true;
      await systemClock.sleep(RETRY, signal).catch(() => {}); // The loop looks at the signal.
    }
  }
}

/** Kept off by what runs containers, and by load balancers that would send to it what only a proxy can pass on. */
const newNode = (name: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: {
    name,
    labels: { [GUEST_NODE]: 'true', 'node.kubernetes.io/exclude-from-external-load-balancers': 'true' },
  },
  spec: { taints: [{ key: GUEST_NODE, value: 'true', effect: 'NoSchedule' }] },
});

function othersNode(name: string): UserError {
  return new UserError(
    `the Node "${name}" is a kubelet's, or another agent's: it has no label ${GUEST_NODE}`,
    'Guests have a Node of their own: name one that there is not with --node.',
  );
}

const takenError = (by: NodeTakenError): UserError =>
  new UserError(
    by.message,
    by.isCopy
      ? 'On the machine that is the copy: delete the copied --state-dir, and name another Node with --node.'
      : 'Name another Node with --node, or end the other agent.',
    { cause: by },
  );

/** The same API, as if there were no Nodes but those that run guests alone. */
function withGuestNodes(client: Client): Client {
  const narrowed = <O extends object>(kind: { readonly kind: string }, options: O): O =>
    kind.kind === Node.kind ? { ...options, labelSelector: GUEST_NODE } : options;
  return {
    get: (kind, key) => client.get(kind, key),
    list: (kind, options = {}) => client.list(kind, narrowed(kind, options)),
    create: (kind, object) => client.create(kind, object),
    update: (kind, object) => client.update(kind, object),
    updateStatus: (kind, object) => client.updateStatus(kind, object),
    patch: (kind, key, patch, subresource) => client.patch(kind, key, patch, subresource),
    delete: (kind, key, options) => client.delete(kind, key, options),
    watch: (kind, options, signal) => client.watch(kind, narrowed(kind, options), signal),
    raw: (method, path, body) => client.raw(method, path, body),
  };
}
