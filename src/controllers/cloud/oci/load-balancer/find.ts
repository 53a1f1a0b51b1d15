/** Finds the load balancers that were made for a Service: by name, or where somebody has changed that, by tag. */
import { UID_TAG } from '../request/tags.ts';
import type { BalancerSummary, Balancers } from './balancers.ts';

/** For how long a look at all load balancers counts, in milliseconds: it is only for those whose name was changed by hand. */
const FRESH = 30_000;

export interface Finder {
  /** Those that are there, or going, the oldest first. */
  find(uid: string): Promise<readonly BalancerSummary[]>;
}

export function finderOf(balancers: Balancers, now: () => number): Finder {
  let renamed:
    | { readonly until: number; readonly byUid: Promise<ReadonlyMap<string, readonly BalancerSummary[]>> }
    | undefined;
  const allRenamed = () => {
    if (renamed !== undefined && renamed.until > now()) return renamed.byUid;
    const byUid = balancers.list().then(renamedIn);
    const entry = { until: now() + FRESH, byUid };
    renamed = entry;
    byUid.catch(() => {
      if (renamed === entry) renamed = undefined;
    });
    return byUid;
  };
  return {
    find: async (uid) => {
      const named = (await balancers.list(uid)).filter(isThere);
      if (named.length > 0) return named.toSorted(oldestFirst);
      return (await allRenamed()).get(uid) ?? [];
    },
  };
}

function renamedIn(all: readonly BalancerSummary[]): ReadonlyMap<string, readonly BalancerSummary[]> {
  const ours = all.filter((one) => isThere(one) && (one.freeformTags[UID_TAG] ?? one.name) !== one.name);
  return Map.groupBy(ours.toSorted(oldestFirst), ({ freeformTags }) => freeformTags[UID_TAG] ?? '');
}

const isThere = ({ state }: BalancerSummary): boolean => state !== 'DELETED';

function oldestFirst(a: BalancerSummary, b: BalancerSummary): number {
  if (a.created !== b.created) return a.created - b.created;
  return a.id < b.id ? -1 : 1;
}
