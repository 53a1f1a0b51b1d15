/** A node's announcer and where it is asked how it is, as an agent and `postern l2` have them. */
import { dirname } from 'node:path';
import type { Client } from '../../client/client.ts';
import type { Informers } from '../../client/informers.ts';
import { systemClock } from '../../host/clock.ts';
import type { Logger, LogLevel } from '../../host/log.ts';
import type { NftRunner } from '../../host/nft.ts';
import { cleanupHandover } from '../../l2/handover/handover.ts';
import { startL2 } from '../../l2/l2.ts';
import { aborted } from '../../lib/abort.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import type { ListenAddress } from '../../proxy/health/listen.ts';
import type { AnnouncerOptions } from '../announcer-options.ts';
import { listenInDirectory, removeEmpty } from '../l2/listen.ts';
import { serveL2 } from '../l2/serve.ts';
import { L2_SOCKET } from './defaults.ts';

export interface AnnouncerParts extends AnnouncerOptions {
  readonly client: Client;
  /** Default: its own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  readonly runner: NftRunner | undefined;
  /** Where it is asked how it is, and for its metrics. */
  readonly serve: readonly ListenAddress[];
  readonly log: Logger;
  /** Is told how much the MetalLB object wants to be logged; undefined: as without it. */
  readonly setLogLevel?: (level: LogLevel | undefined) => void;
}

export interface RunningAnnouncer {
  /** Resolves when everything that the API has said is decided. */
  readonly synced: Promise<void>;
  /** Hands everything over to other nodes, so that nobody notices that it goes; takes some seconds at most. */
  leave(): Promise<void>;
  /** Resolves when the signal has been aborted and nobody is answered any more. */
  readonly stopped: Promise<void>;
}

export async function startAnnouncer(parts: AnnouncerParts, signal: AbortSignal): Promise<RunningAnnouncer> {
  const { nodeName, heartbeats, serve, log } = parts;
  const l2 = await startL2(parts, signal);
  const served = serveL2({
    ...{ node: nodeName, heartbeats, l2, at: serve },
    ...{ listen: listenInDirectory, clock: systemClock, log },
  });
  return { synced: l2.synced, leave: () => l2.leave(), stopped: aborted(signal).then(() => served.close()) };
}

/**
 * Removes what announcers have left, also those that were killed: rules in this network namespace, of which there are none
 * without nftables, and the directory of the socket unless something is in it.
 */
export async function cleanupAnnouncer(runner: NftRunner | undefined): Promise<void> {
  await removeEmpty(dirname(L2_SOCKET));
  if (runner !== undefined) await cleanupHandover(kernelNetfilter(runner));
}
