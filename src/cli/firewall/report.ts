/** What `postern firewall plan` and `status` say, as data: what is printed for programs. */
import { type Admission, admissionKey, type Opening, type PodTraffic, type Verdict } from '../../firewall/backend.ts';
import type { Mistake } from '../../firewall/exposure/at-once.ts';
import type { FirewallPlan } from '../../firewall/plan.ts';
import type { Tried } from '../../firewall/verify/tried.ts';

/** What a node carries for pods, and whether its firewall lets that by. */
export interface PodReport extends PodTraffic {
  readonly verdict: Verdict;
}

/** `none`: no firewall is in use. */
export interface PlanReport extends FirewallPlan {
  readonly node: string;
  readonly firewall: string;
  /** Absent: the node has none. */
  readonly pods?: PodReport;
  readonly mistakes: readonly Mistake[];
}

/** One exposed port, and what becomes of it. */
export interface PortStatus extends Opening {
  readonly verdict: Verdict;
  /** What another node found out by connecting to it. */
  readonly tried: Tried;
}

export interface StatusReport {
  readonly node: string;
  readonly firewall: string;
  readonly ports: readonly PortStatus[];
  /** Absent: the node has none. */
  readonly pods?: PodReport;
  /** Ours, and of nobody that exposes it: no agent has closed it yet, or none runs. */
  readonly leftovers: readonly Admission[];
  readonly mistakes: readonly Mistake[];
}

/** One line for each owner of an address and port; `verdicts` are those of `openings`, in their order. */
export function portStatuses(
  wishes: readonly Opening[],
  openings: readonly Opening[],
  verdicts: readonly Verdict[],
  triedOf: (wish: Opening) => Tried,
): readonly PortStatus[] {
  const byKey = new Map(openings.map((opening, i) => [admissionKey(opening), verdicts[i]]));
  return wishes.flatMap((wish) => {
    const verdict = byKey.get(admissionKey(wish));
    return verdict === undefined ? [] : [{ ...wish, verdict, tried: triedOf(wish) }];
  });
}
