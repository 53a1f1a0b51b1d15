/** Bringing what is forwarded up to date for Services that changed, some at a time. */

import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { paced } from '../../host/paced.ts';
import { desiredForwarding } from '../forwarding/desired.ts';
import type { ThisNode } from '../forwarding/topology.ts';
import type { Refusal } from './isolate.ts';
import type { Programming } from './programming.ts';

/** What there is of a Service, by `namespace/name`. */
export interface Sources {
  readonly service: (key: string) => Service | undefined;
  readonly slices: (key: string) => readonly EndpointSlice[];
  readonly node: ThisNode;
}

/**
 * Tells `programming` what is wanted for each. Returns those of which nobody can tell what that is, as their objects are not
 * what the API says: an API server that checks less than it should must not keep all the others waiting.
 */
export async function recompute(
  services: Iterable<string>,
  sources: Sources,
  programming: Pick<Programming, 'set'>,
): Promise<readonly Refusal[]> {
  const unclear: Refusal[] = [];
  const breathe = paced();
  for (const key of services) {
    try {
      const service = sources.service(key);
      programming.set(key, service && desiredForwarding(service, sources.slices(key), sources.node));
    } catch (cause) {
      const error = new Error(`the Service or an EndpointSlice of it cannot be understood: ${String(cause)}`, {
        cause,
      });
      unclear.push({ service: key, error });
    }
    await breathe();
  }
  return unclear;
}
