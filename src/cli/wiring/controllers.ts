/** Controllers that run alone, put together: from which API, and which. */
import type { Endpoint } from '../../client/client.ts';
import { createClient } from '../../client/http-client.ts';
import { startControllers } from '../../controllers/controllers.ts';
import type { ControllerName } from '../../controllers/names.ts';
import { createLogger } from '../../host/log.ts';
import { aborted } from '../../lib/abort.ts';
import type { CIDR } from '../../lib/ip.ts';
import { type CloudPlan, openCloud, startCloud } from './cloud.ts';
import { keepMemorySmall } from './memory.ts';

export interface LoneControllersOptions {
  readonly endpoint: Endpoint;
  readonly only: ReadonlySet<ControllerName>;
  readonly clusterCIDRs: readonly CIDR[];
  readonly cloud: CloudPlan;
}

/** Runs until the signal is aborted. `ready` is called once, when they have read the API's objects and work. */
export async function runLoneControllers(
  options: LoneControllersOptions,
  signal: AbortSignal,
  ready: () => void,
): Promise<void> {
  const { endpoint, only, clusterCIDRs } = options;
  const log = createLogger('controllers');
  const client = createClient(endpoint);
  try {
    const cloud = await startCloud(await openCloud(options.cloud, log, signal), client);
    await startControllers({ client, log, clusterCIDRs, only, setLogLevel: log.setLevel, ...cloud }, signal);
    void keepMemorySmall({ log }, signal);
    if (!signal.aborted) ready();
    await aborted(signal);
  } finally {
    client.close();
  }
}
