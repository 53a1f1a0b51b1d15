/** Logs, commands and ports of a node's pods, for the API server to ask for. */
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { ContainerRuntime } from '../cri/cri.ts';
import type { PodLookup } from '../parts.ts';
import { makeStreamServer } from './server.ts';
import { keepTunnels, type Servers } from './tunnels.ts';

export interface StreamsOptions {
  /** The API servers, to which connections are opened. */
  readonly servers: Servers;
  readonly nodeName: string;
  readonly pods: PodLookup;
  /** Undefined while it cannot be reached. */
  readonly runtime: () => ContainerRuntime | undefined;
  readonly log: Logger;
  readonly clock?: Clock;
}

/** Serves until the signal is aborted, which ends all streams. Never throws: a server that cannot be reached is tried again. */
export function startStreams(options: StreamsOptions, signal: AbortSignal): { readonly stopped: Promise<void> } {
  const parts = { ...options, clock: options.clock ?? systemClock };
  const server = makeStreamServer(parts, signal);
  const serve = (connection: unknown) => void server.emit('connection', connection);
  return { stopped: keepTunnels(options.servers, { ...parts, serve }, signal) };
}
