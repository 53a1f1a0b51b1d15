/** Which of the firewalls that there may be on a machine is its own. */
import type { FirewallBackend } from './backend.ts';
import { noFirewall } from './none.ts';
import type { Ruleset } from './ruleset/model.ts';

/** A firewall that a machine may have. */
export interface Candidate {
  readonly name: FirewallBackend['name'];
  /** Whether the machine filters by it: another's being there as well does not count. Changes nothing. */
  readonly isInUse: () => Promise<boolean>;
  /** Opens it whether it is in use or not. Throws `FirewallError` when it is not there at all. */
  readonly open: () => Promise<FirewallBackend>;
  /** Removes what is ours there, of whatever run; nothing happens where it is not there at all. */
  readonly remove: () => Promise<void>;
}

/** The first that is in use; those before others are what others are made by. */
export async function chooseFirewall(candidates: readonly Candidate[]): Promise<FirewallBackend> {
  for (const candidate of candidates) {
    if (await candidate.isInUse()) return candidate.open();
  }
  return noFirewall();
}

/** Whether rules of others, which are not there for Services, may keep anybody from coming in or passing through. */
export function isFiltering(ruleset: Ruleset): boolean {
  return ruleset.some(({ bases, chains }) =>
    bases.some(
      ({ hook, chain, policy }) =>
        hook !== 'prerouting' && (policy === 'drop' || chains.get(chain)?.rules.some((rule) => !OURS.test(rule.text))),
    ),
  );
}

/** Rules of a node proxy of ours in the mode iptables, and the jump to what an earlier run let in. */
const OURS = /-j (POSTERN-|PST-)/;
