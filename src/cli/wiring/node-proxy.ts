/** A node's proxy that runs alone, put together: from which API, for which node. */
import { networkInterfaces } from 'node:os';
import { Node } from '../../api/core/v1/node.ts';
import type { Endpoint } from '../../client/client.ts';
import { createClient } from '../../client/http-client.ts';
import { Informer } from '../../client/informer.ts';
import { createLogger } from '../../host/log.ts';
import { openNft } from '../../host/open-nft.ts';
import { aborted, untilAborted } from '../../lib/abort.ts';
import { type CIDR, type IPAddress, parseIP } from '../../lib/ip.ts';
import { isEligible } from '../../proxy/health/answers.ts';
import type { ProxyAddresses } from '../../proxy/health/serve.ts';
import { type LocalityOptions, nodePortAddresses } from '../../proxy/locality.ts';
import { startProxy } from '../../proxy/proxy.ts';
import { UserError } from '../errors.ts';
import type { ModeName } from '../proxy-mode.ts';
import { openModes, openNftIfAny } from './proxy-modes.ts';
import { podPrefixes, primaryAddresses, zoneOf } from './proxy-node.ts';

/** A proxy that runs alone, against any Kubernetes API. */
export interface LoneProxyOptions extends Omit<LocalityOptions, 'podCIDRs'> {
  readonly endpoint: Endpoint;
  readonly nodeName: string;
  readonly mode: ModeName;
  /** Serve node ports at the node's addresses within these; none: at its primary addresses. */
  readonly nodePortsWithin: readonly CIDR[];
  /** Where the proxy is asked for its health and its metrics. */
  readonly serve: ProxyAddresses;
  /** What happens to the rules when the proxy stops. */
  readonly onStop: 'leave' | 'end';
}

/** Runs until the signal is aborted. `ready` is called once, when the kernel has everything. */
export async function runLoneProxy(options: LoneProxyOptions, signal: AbortSignal, ready: () => void): Promise<void> {
  const log = createLogger('proxy');
  const runner = await (options.mode === 'nftables' ? openNft({ log }) : openNftIfAny(log));
  const client = createClient(options.endpoint);
  const ending = new AbortController();
  signal.addEventListener('abort', () => ending.abort(signal.reason), { once: true });
  try {
    const { nodeName } = options;
    const nodes = new Informer({ client, kind: Node, log, fieldSelector: `metadata.name=${nodeName}` });
    nodes.start(ending.signal);
    await untilAborted(nodes.synced, signal);
    if (signal.aborted) return;
    const node = () => nodes.get({ name: nodeName });
    if (node() === undefined) throw unknownNode(nodeName);
    const modes = await openModes(options.mode, { ...options, podCIDRs: podPrefixes(node()) }, runner);
    const proxy = await startProxy(
      {
        ...modes,
        client,
        nodeName,
        log,
        nodeAddresses: () =>
          nodePortAddresses({
            within: options.nodePortsWithin,
            primary: primaryAddresses(node()),
            own: ownAddresses,
            localhost: options.localhostNodePorts ?? false,
          }),
        zone: () => zoneOf(node()),
        serve: options.serve,
        nodeEligible: () => isEligible(node()),
        cleanUp: options.onStop === 'end',
      },
      ending.signal,
    );
    ready();
    await aborted(signal);
    await proxy.stopped;
  } finally {
    ending.abort();
    client.close();
    await runner?.close();
  }
}

/** All addresses of this machine's interfaces. */
function ownAddresses(): readonly IPAddress[] {
  return Object.values(networkInterfaces())
    .flatMap((infos) => infos ?? [])
    .flatMap(({ address }) => parseIP(address.replace(/%.*/, '')) ?? []);
}

function unknownNode(name: string): UserError {
  return new UserError(
    `the server has no Node "${name}"`,
    'Name one of `kubectl get nodes` with --node; by default it is the host name.',
  );
}
