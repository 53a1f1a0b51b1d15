/** Controllers of which one process among several is the one that works. Loaded only where there may be several. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Client } from '../../client/client.ts';
import { runElected, type Work } from '../../client/elected.ts';
import type { ClientOptions, ServedClient } from '../../client/http-client.ts';
import type { ElectionTiming, LeaderElection } from '../../client/leader-election.ts';
import type { Logger } from '../../host/log.ts';

/** Where controllers' leases are, as those of Kubernetes' own. */
const NAMESPACE = 'kube-system';

export interface ElectedControllersOptions {
  readonly connect: (options?: ClientOptions) => ServedClient;
  /** Name of the Lease: the same for all processes of which one is to work. */
  readonly lease: string;
  readonly timing: ElectionTiming;
  readonly log: Logger;
  readonly prepare: (client: Client, signal: AbortSignal) => Promise<Work>;
  /** Called once, when this process is ready to lead. */
  readonly ready: () => void;
  readonly onElection?: (election: LeaderElection) => void;
}

/** Takes part in the election until the signal is aborted. */
export async function runElectedControllers(options: ElectedControllersOptions, signal: AbortSignal): Promise<void> {
  const { connect, lease: name, timing, log, prepare, ready, onElection } = options;
  const client = connect();
  try {
    await runElected(
      {
        client,
        connect: (headers) => connect({ headers }),
        lease: { namespace: NAMESPACE, name },
        // As client-go's: to be read by people, and the same for no two processes.
        identity: `${hostname()}_${randomUUID()}`,
        ...{ timing, log, prepare, ready },
        ...(onElection === undefined ? {} : { onElection }),
      },
      signal,
    );
  } finally {
    client.close();
  }
}
