/** What came of a try to connect. */

/** An ICMP error that came back for a connection. */
export interface Refusal {
  /** Who sent it. */
  readonly by: string;
  /** Such as `administratively prohibited (ICMP 3/13)`. */
  readonly says: string;
}

export type Outcome =
  /** Somebody answered, be it with a refusal of their own: no firewall is in the way. */
  | { readonly kind: 'reached' }
  /** Nothing came back. */
  | { readonly kind: 'silent' }
  | ({ readonly kind: 'refused' } & Refusal)
  /** It says nothing of firewalls: the trier itself could not, or whoever is behind the port does not answer either. */
  | { readonly kind: 'unclear'; readonly why: string };

/** Whether something lets nothing through. */
export const isBlocked = (outcome: Outcome): boolean => outcome.kind === 'silent' || outcome.kind === 'refused';

/** In a few words. */
export function outcomeText(outcome: Outcome): string {
  switch (outcome.kind) {
    case 'reached':
      return 'reached';
    case 'silent':
      return 'nothing answers';
    case 'refused':
      return `${outcome.by} answers: ${outcome.says}`;
    case 'unclear':
      return outcome.why;
  }
}
