/** Removes load balancers, as far as OCI lets it now. */
import type { Logger } from '../../../../host/log.ts';
import { isNotFound } from '../calls.ts';
import type { LoadBalancerType } from '../request.ts';
import type { BalancerSummary, Balancers } from './balancers.ts';
import type { Finder } from './find.ts';
import { isBusy } from './refusal.ts';

/** Both reject with an OciError. */
export interface Remover {
  /** Asks for the removal of all of a Service; resolves with those that there were, which may take until they are gone. */
  all(uid: string, type: LoadBalancerType): Promise<readonly BalancerSummary[]>;
  /** What cannot be removed now is still there the next time. */
  one(type: LoadBalancerType, id: string): Promise<void>;
}

export function removerOf({
  balancers,
  finders,
  log,
}: {
  readonly balancers: Readonly<Record<LoadBalancerType, Balancers>>;
  readonly finders: Readonly<Record<LoadBalancerType, Finder>>;
  readonly log: Logger;
}): Remover {
  const one = async (type: LoadBalancerType, id: string) => {
    try {
      await balancers[type].remove(id);
    } catch (error) {
      if (!isNotFound(error) && !isBusy(error)) throw error;
    }
  };
  return {
    one,
    all: async (uid, type) => {
      const found = await finders[type].find(uid);
      for (const { id, state } of found) {
        if (state === 'DELETING') continue;
        log.info({ uid, type, id }, 'a load balancer is being removed');
        await one(type, id);
      }
      return found;
    },
  };
}
