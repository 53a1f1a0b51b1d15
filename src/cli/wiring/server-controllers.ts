/** The controllers of a server: alone, or of the one that works among several. */
import type { Client } from '../../client/client.ts';
import type { ClientOptions, ServedClient } from '../../client/http-client.ts';
import type { LeaderElection } from '../../client/leader-election.ts';
import { type ControllersOptions, prepareControllers, startControllers } from '../../controllers/controllers.ts';
import type { Logger } from '../../host/log.ts';
import { aborted } from '../../lib/abort.ts';
import type { Metric } from '../../lib/metrics.ts';

/** Whose holder runs the controllers of a cluster with several servers. */
const LEASE = 'postern-controllers';

export interface ServerControllers {
  readonly connect: (options?: ClientOptions) => ServedClient;
  readonly log: Logger;
  /** What the controllers are made with, besides their client and log. */
  readonly options: (client: Client) => Promise<Omit<ControllersOptions, 'client' | 'log'>>;
  readonly onElection: (election: LeaderElection) => void;
  /** Called once they have read the API's objects. */
  readonly ready: () => void;
}

/** Whether this server leads; nothing, where there is no election. */
export class ElectionMetrics {
  #election: LeaderElection | undefined;

  set(election: LeaderElection): void {
    this.#election = election;
  }

  metrics(): readonly Metric[] {
    if (this.#election === undefined) return [];
    const sample = { labels: { name: LEASE }, value: this.#election.leads ? 1 : 0 };
    const help = 'Whether this process leads: 1, or is ready to: 0.';
    return [{ name: 'leader_election_master_status', type: 'gauge', help, samples: [sample] }];
  }
}

/** Runs them until the signal is aborted. */
export async function runAlone(controllers: ServerControllers, signal: AbortSignal): Promise<void> {
  const { connect, log, ready } = controllers;
  const client = connect();
  try {
    await startControllers({ ...(await controllers.options(client)), client, log }, signal);
    ready();
    await aborted(signal);
  } finally {
    client.close();
  }
}

/** Takes part in the election of the server that runs them, until the signal is aborted. */
export async function runAmongSeveral(controllers: ServerControllers, signal: AbortSignal): Promise<void> {
  const { connect, log, ready, onElection } = controllers;
  const [{ runElectedControllers }, { QUICK_ELECTION }] = await Promise.all([
    import('./elected-controllers.ts'),
    import('../../client/leader-election.ts'),
  ]);
  const prepare = async (client: Client, preparing: AbortSignal) =>
    prepareControllers({ ...(await controllers.options(client)), client, log }, preparing);
  const parts = { connect, log, ready, onElection, prepare };
  await runElectedControllers({ ...parts, lease: LEASE, timing: QUICK_ELECTION }, signal);
}
