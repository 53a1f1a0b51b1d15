/** What `postern firewall plan` and `status` say, as data: what is printed for programs. */
import { type Admission, admissionKey, type Opening, type PodTraffic, type Verdict } from '../../firewall/backend.ts';
import type { ExposedAtOnce, Mistake } from '../../firewall/exposure/at-once.ts';
import type { FirewallPolicy } from '../../firewall/exposure/policy.ts';
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
export interface PortStatus extends Omit<Opening, 'policy'> {
  /** `none`: the firewall is left alone for it. */
  readonly policy: FirewallPolicy;
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

/** What is exposed: see {@link ExposedAtOnce}. */
type Exposed = Pick<ExposedAtOnce, 'openings' | 'wishes' | 'leftAlone'>;

/** One line for each owner of an address and port, those last that the firewall is left alone for. */
export async function portStatuses(
  { openings, wishes, leftAlone }: Exposed,
  verdictsOf: (openings: readonly Opening[]) => Promise<readonly Verdict[]>,
  triedOf: (wish: Opening) => Tried,
): Promise<readonly PortStatus[]> {
  const looked = [...openings, ...leftAlone];
  const verdicts = await verdictsOf(looked);
  const byKey = new Map(looked.map((one, i) => [admissionKey(one), verdicts[i]]));
  const statusOf = (one: Opening): readonly PortStatus[] => {
    const verdict = byKey.get(admissionKey(one));
    return verdict === undefined ? [] : [{ ...one, verdict, tried: triedOf(one) }];
  };
  // Nobody tries these any more, whatever was found out before.
  const alone = leftAlone.flatMap(statusOf).map((one) => ({ ...one, policy: 'none', tried: { kind: 'not' } }) as const);
  return [...wishes.flatMap(statusOf), ...alone];
}
