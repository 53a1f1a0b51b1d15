/** What every controller is made from, and what it then is. */
import type { Client } from '../client/client.ts';
import type { Informers } from '../client/informers.ts';
import type { Clock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';

export interface ControllerParts {
  readonly client: Client;
  /** Shared by all controllers. A controller adds its listeners and indexes when it is made, before these start. */
  readonly informers: Informers;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Runs a controller whose informers are synced, until the signal is aborted. */
export type Run = (signal: AbortSignal) => Promise<void>;
