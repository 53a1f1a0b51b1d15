/** A node's proxy that runs alone, put together: from which API, for which node. */
import { networkInterfaces } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { Node } from '../../api/core/v1/node.ts';
import type { Client, Endpoint } from '../../client/client.ts';
import { createClient } from '../../client/http-client.ts';
import { Informer } from '../../client/informer.ts';
import { createLogger, type Logger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { openNft } from '../../host/open-nft.ts';
import { untilAborted } from '../../lib/abort.ts';
import { type CIDR, type IPAddress, parseIP } from '../../lib/ip.ts';
import { isEligible } from '../../proxy/health/answers.ts';
import type { ProxyAddresses } from '../../proxy/health/serve.ts';
import { type LocalityOptions, nodePortAddresses } from '../../proxy/locality.ts';
import { type ProxyOptions, startProxy } from '../../proxy/proxy.ts';
import { UserError } from '../errors.ts';
import type { ModeName } from '../proxy-mode.ts';
import { keepMemorySmall } from './memory.ts';
import { type OpenedModes, openModes, openNftIfAny } from './proxy-modes.ts';
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
  void keepMemorySmall({ log }, ending.signal);
  try {
    const fieldSelector = `metadata.name=${options.nodeName}`;
    const nodes = new Informer({ client, kind: Node, log, fieldSelector });
    nodes.start(ending.signal);
    await untilAborted(nodes.synced, signal);
    await runWhere({ ...options, client, nodes, runner, log }, ending.signal, ready);
  } finally {
    ending.abort();
    client.close();
    await runner?.close();
  }
}

interface Parts extends LoneProxyOptions {
  readonly client: Client;
  readonly nodes: Informer<Node>;
  readonly runner: NftRunner | undefined;
  readonly log: Logger;
}

/** What the rules of a mode are made for, and so a reason to make them anew. */
const placeOf = (node: Node | undefined) => ({
  podCIDRs: podPrefixes(node),
  alsoServed: primaryAddresses(node).map(({ family }) => family),
});

/**
 * Runs a proxy for the node as it is, and another once the prefixes of its pods are other ones: a new node may have none
 * for a while. Rules stay while one takes over from the other.
 */
async function runWhere(parts: Parts, signal: AbortSignal, ready: () => void): Promise<void> {
  const { nodeName, nodes, runner, log } = parts;
  // What is known of a node that is deleted, and made anew, stays meanwhile.
  let known = nodes.get({ name: nodeName });
  let look = () => {};
  nodes.onChange(({ object }) => {
    known = object ?? known;
    look();
  });
  if (known === undefined && !signal.aborted) throw unknownNode(nodeName);
  let isReady = false;
  while (!signal.aborted) {
    const place = placeOf(known);
    const round = new AbortController();
    const end = () => round.abort(signal.reason);
    signal.addEventListener('abort', end, { once: true });
    look = () => {
      if (!isDeepStrictEqual(placeOf(known), place)) round.abort();
    };
    const modes = await openModes(parts.mode, { ...parts, ...place }, runner);
    const proxy = await startProxy({ ...proxyOptions(parts, () => known), ...modes }, round.signal);
    if (!isReady && !round.signal.aborted) {
      isReady = true;
      ready();
    }
    await proxy.stopped;
    signal.removeEventListener('abort', end);
    if (!signal.aborted) log.warn({ node: nodeName }, "the prefixes of the node's pods are other ones; beginning anew");
    else if (parts.onStop === 'end') await modes.mode.remove();
  }
}

function proxyOptions(parts: Parts, node: () => Node | undefined): Omit<ProxyOptions, keyof OpenedModes> {
  const { client, nodeName, log, serve } = parts;
  return {
    ...{ client, nodeName, log, serve },
    nodeAddresses: () =>
      nodePortAddresses({
        within: parts.nodePortsWithin,
        primary: primaryAddresses(node()),
        own: ownAddresses,
        localhost: parts.localhostNodePorts ?? false,
      }),
    zone: () => zoneOf(node()),
    nodeEligible: () => isEligible(node()),
  };
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
