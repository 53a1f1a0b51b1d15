/** What firewalld's zones say to those who come to what is enforced. */
import type { Opening, Verdict } from '../backend.ts';
import { verdictsOf, worse } from '../ruleset/verdict.ts';
import { zoneRules } from './zone-rules.ts';
import type { Zones } from './zones.ts';

/** One verdict for each opening, which is guarded: by whichever of these interfaces clients come, the worst. */
export async function enforcedVerdicts(
  openings: readonly Opening[],
  zones: Zones,
  interfaces: readonly string[],
): Promise<ReadonlyMap<Opening, Verdict>> {
  const { rules } = zoneRules(zones);
  const found = new Map<Opening, Verdict>();
  for (const name of interfaces) {
    const verdicts = await verdictsOf(openings, { isOurs: () => true, ruleset: rules, interface: name });
    openings.forEach((opening, i) => {
      const [one, other] = [found.get(opening), verdicts[i]];
      if (other !== undefined) found.set(opening, one === undefined ? other : worse(one, other));
    });
  }
  return found;
}
