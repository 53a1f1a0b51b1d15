/** Looks, from time to time and when there is reason to, whether all claims are as the Services say, and mends them. */

import type { PortRange } from '../../../alloc/node-port.ts';
import { milliseconds, minutes } from '../../../lib/duration.ts';
import type { CIDR } from '../../../lib/ip.ts';
import type { Api } from '../../context.ts';
import { faultFields } from '../../outages.ts';
import { ensureDefaultServiceCIDR } from '../default-service-cidr.ts';
import { repair } from './apply.ts';
import { findings } from './findings.ts';
import { readAllocations } from './read.ts';

/** As often as Kubernetes' API servers look. */
const INTERVAL = minutes(3);
/** For others that are touched with the first. */
const SOON = milliseconds(200);

export interface RepairOptions {
  readonly serviceCIDRs: readonly CIDR[];
  readonly nodePortRange: PortRange;
  /** Resolves when somebody has written or deleted a claim or the server's range by hand. */
  readonly touched: () => Promise<void>;
}

/** Looks now and then until the signal is aborted. What fails is logged and tried again the next time. */
export async function keepAllocations(api: Api, options: RepairOptions, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const touched = options.touched();
    try {
      await repairAllocations(api, options);
    } catch (err) {
      if (!signal.aborted)
        api.log.warn(faultFields(err), 'could not look whether addresses and ports are as Services say');
    }
    const waited = new AbortController();
    const sleep = (duration: number) => api.clock.sleep(duration, AbortSignal.any([signal, waited.signal]));
    const ended = () => {}; // Aborted: the signal is looked at above, and the race needs no loser.
    await Promise.race([touched.then(() => sleep(SOON)), sleep(INTERVAL)]).catch(ended);
    waited.abort();
  }
}

/** One look, with everything mended that can be. */
async function repairAllocations(
  api: Api,
  { serviceCIDRs, nodePortRange }: Omit<RepairOptions, 'touched'>,
): Promise<void> {
  await ensureDefaultServiceCIDR(api, serviceCIDRs);
  for (const finding of findings(await readAllocations(api.store, nodePortRange))) await repair(api, finding);
}
