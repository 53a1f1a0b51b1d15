/** Controllers that run alone, put together: from which API, and which. */
import { createHash } from 'node:crypto';
import type { Client, Endpoint } from '../../client/client.ts';
import { type ClientOptions, createClient } from '../../client/http-client.ts';
import { electionTiming } from '../../client/leader-election.ts';
import { prepareControllers, startControllers } from '../../controllers/controllers.ts';
import { CONTROLLER_NAMES, type ControllerName } from '../../controllers/names.ts';
import { createLogger } from '../../host/log.ts';
import { aborted } from '../../lib/abort.ts';
import type { Duration } from '../../lib/duration.ts';
import type { CIDR } from '../../lib/ip.ts';
import { type CloudPlan, openCloud, startCloud } from './cloud.ts';
import { runElectedControllers } from './elected-controllers.ts';
import { keepMemorySmall } from './memory.ts';

export interface LoneControllersOptions {
  readonly endpoint: Endpoint;
  readonly only: ReadonlySet<ControllerName>;
  readonly clusterCIDRs: readonly CIDR[];
  /** Milliseconds that a node may be silent until it counts as lost. */
  readonly nodeMonitorGracePeriod: number;
  readonly cloud: CloudPlan;
  /** Whether guests go only to Nodes that run guests alone. */
  readonly guestNodes: boolean;
  /** Whether others may run the same, of which one is to work; undefined: nobody does. */
  readonly election: { readonly leaseDuration: Duration } | undefined;
}

/** Runs until the signal is aborted. `ready` is called once, when they have read the API's objects and work, or are ready to. */
export async function runLoneControllers(
  options: LoneControllersOptions,
  signal: AbortSignal,
  ready: () => void,
): Promise<void> {
  const { endpoint, only, clusterCIDRs, nodeMonitorGracePeriod, election, guestNodes } = options;
  const log = createLogger('controllers');
  const cloud = await openCloud(options.cloud, log, signal);
  const parts = async (client: Client) => {
    const settings = { clusterCIDRs, guestNodes, nodeMonitorGracePeriod, only };
    return { client, log, ...settings, setLogLevel: log.setLevel, ...(await startCloud(cloud, client)) };
  };
  const begun = () => {
    void keepMemorySmall({ log }, signal);
    if (!signal.aborted) ready();
  };
  if (election !== undefined) {
    const prepare = async (client: Client, preparing: AbortSignal) =>
      prepareControllers(await parts(client), preparing);
    const timing = electionTiming(election.leaseDuration);
    const connect = (connecting?: ClientOptions) => createClient(endpoint, connecting);
    await runElectedControllers({ connect, lease: leaseOf(only), timing, log, prepare, ready: begun }, signal);
    return;
  }
  const client = createClient(endpoint);
  try {
    await startControllers(await parts(client), signal);
    begun();
    await aborted(signal);
  } finally {
    client.close();
  }
}

/** Characters of a lease's name that are the controllers' names; more are told by a digest. */
const NAMES_MAX = 80;

/** The lease of those who run these controllers, and no others: a name that says which, or is that of all. */
export function leaseOf(only: ReadonlySet<ControllerName>): string {
  if (only.size === CONTROLLER_NAMES.length) return 'postern-controllers';
  const names = [...only].sort().join('-');
  if (names.length <= NAMES_MAX) return `postern-controllers-${names}`;
  return `postern-controllers-${createHash('sha256').update(names).digest('hex').slice(0, 16)}`;
}
