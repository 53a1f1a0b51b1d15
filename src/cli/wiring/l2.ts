/** A node's announcer that runs alone, put together: from which API, for which node. */
import { Node } from '../../api/core/v1/node.ts';
import { isNotFound } from '../../api/status.ts';
import type { Client, Endpoint } from '../../client/client.ts';
import { createClient } from '../../client/http-client.ts';
import { systemClock } from '../../host/clock.ts';
import { createLogger } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { cleanupHandover } from '../../l2/handover/handover.ts';
import { type L2, startL2 } from '../../l2/l2.ts';
import { aborted, untilAborted } from '../../lib/abort.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import type { ListenAddress } from '../../proxy/health/listen.ts';
import { UserError } from '../errors.ts';
import type { Heartbeats } from '../heartbeat-options.ts';
import { listenInDirectory } from '../l2/listen.ts';
import { type Asked, serveL2 } from '../l2/serve.ts';
import { keepMemorySmall } from './memory.ts';
import { openNftIfAny } from './proxy-modes.ts';

/** An announcer that runs alone, against any Kubernetes API. */
export interface LoneL2Options extends Heartbeats {
  readonly endpoint: Endpoint;
  readonly nodeName: string;
  /** The only interfaces to announce on. Default: those that hold the node's InternalIPs, or that an advertisement names. */
  readonly interfaces?: readonly string[];
  /** Where it is asked how it is, and for its metrics. */
  readonly serve: readonly ListenAddress[];
  /** What happens to rules that pass on connections which an address left behind: `leave` them until they end, or `end` them. */
  readonly onStop: 'leave' | 'end';
}

/**
 * Runs until the signal is aborted, and then hands over what it announces before it goes silent. `ready` is called once,
 * when everything that the API has said is decided.
 */
export async function runLoneL2(options: LoneL2Options, signal: AbortSignal, ready: () => void): Promise<void> {
  const { nodeName } = options;
  const log = createLogger('l2');
  const runner = await openNftIfAny(log, 'connections do not outlive a planned move of their address');
  const client = createClient(options.endpoint);
  const ending = new AbortController();
  void keepMemorySmall({ log }, ending.signal);
  try {
    await requireNode(client, nodeName);
    const l2 = await startL2({ ...options, client, log }, ending.signal);
    const served = serveL2({
      ...{ node: nodeName, heartbeats: options.heartbeats, at: options.serve },
      ...{ l2: answersOf(l2, nodeName), listen: listenInDirectory, clock: systemClock, log },
    });
    await untilAborted(l2.synced, signal);
    if (!signal.aborted) ready();
    await aborted(signal);
    await served.close();
  } finally {
    ending.abort(signal.reason);
    if (options.onStop === 'end') await cleanupL2(runner);
    client.close();
    await runner?.close();
  }
}

/** Removes all rules of an announcer from this network namespace; there are none without nftables. */
export async function cleanupL2(runner: NftRunner | undefined): Promise<void> {
  if (runner !== undefined) await cleanupHandover(kernelNetfilter(runner));
}

/** What it is asked for, from what it tells. */
function answersOf(l2: L2, nodeName: string): Asked {
  const since = Date.now();
  return {
    status: async () => {
      const announcing = l2.announcing().map((one) => ({ ...one, since }));
      const elected = Object.fromEntries(announcing.map(({ address }) => [address, nodeName]));
      return { announcing, elected, conflicts: [], peers: [], silent: undefined, counts: l2.stats.counts() };
    },
    metrics: () => [],
  };
}

async function requireNode(client: Client, name: string): Promise<void> {
  try {
    await client.get(Node, { name });
  } catch (error) {
    if (!isNotFound(error)) throw error;
    throw new UserError(
      `the server has no Node "${name}"`,
      'Name one of `kubectl get nodes` with --node; by default it is the host name.',
      { cause: error },
    );
  }
}
