/** What a firewall would be told, and nothing done: the difference between what of ours is there and what is wanted. */
import { type Admission, admissionKey, compareAdmissions, type Opening, sameAdmission } from './backend.ts';

export interface FirewallPlan {
  /** Exposed, and not there, or not like that. */
  readonly toOpen: readonly Opening[];
  /** Ours, and not wanted any more, or not like that. */
  readonly toClose: readonly Admission[];
  /** As wanted already. */
  readonly open: readonly Opening[];
}

/** Each part sorted. */
export function planOf(current: readonly Admission[], wanted: readonly Opening[]): FirewallPlan {
  const there = new Map(current.map((one) => [admissionKey(one), one]));
  const isThere = (one: Opening) => {
    const found = there.get(admissionKey(one));
    return found !== undefined && sameAdmission(found, one);
  };
  const open = wanted.filter(isThere).sort(compareAdmissions);
  const kept = new Set(open.map(admissionKey));
  return {
    toOpen: wanted.filter((one) => !kept.has(admissionKey(one))).sort(compareAdmissions),
    toClose: current.filter((one) => !kept.has(admissionKey(one))).sort(compareAdmissions),
    open,
  };
}
