/**
 * What this node does about one address, as a pure state machine: who is elected goes in, what to do comes out. The
 * election itself is the plan's order and who lives.
 */
/** This node's part in the announcement of an address. */
export type Tenure =
  | { readonly kind: 'none' }
  /** About to take it over from a node that still answers, and goes on doing so until it sees our claim. */
  | { readonly kind: 'preparing'; readonly from: string }
  | { readonly kind: 'announcing' }
  /** Another node is to take it over; we answer until we see its claim, so that no question goes unanswered. */
  | { readonly kind: 'yielding'; readonly to: string };

/** What an address's tenure rests on. */
export interface Sight {
  readonly self: string;
  /** The node that is to announce; undefined: none can. */
  readonly elected: string | undefined;
  /** The node elected before that, if any ever was since this node knows the address. */
  readonly former: string | undefined;
  /** Whether a node still answers: it lives, or is about to stop and says so. */
  readonly answers: (node: string) => boolean;
  /** This node must not answer unless it is elected: it may be wrong about the others. */
  readonly silent: boolean;
  /** A node that has claimed the address while this node announced it, and has not been answered yet. */
  readonly claimant: string | undefined;
  /** What was waited for in this tenure has come, or has been waited for long enough. */
  readonly waited: boolean;
}

/** How an announcement begins. */
export type TakeOver =
  /** Nobody is known to have announced it: somebody else on the LAN may have it. */
  | { readonly how: 'first' }
  /** This node was its last announcer itself. */
  | { readonly how: 'again' }
  | { readonly how: 'failover'; readonly from: string }
  | { readonly how: 'planned'; readonly from: string };

export const NONE: Tenure = { kind: 'none' };
const ANNOUNCING: Tenure = { kind: 'announcing' };

/** How an address that falls to this node would be taken over. */
export function takeOver({ self, former, answers }: Sight): TakeOver {
  if (former === undefined) return { how: 'first' };
  if (former === self) return { how: 'again' };
  return { how: answers(former) ? 'planned' : 'failover', from: former };
}

/** The tenure that follows; the same object when nothing changes. */
export function nextTenure(tenure: Tenure, sight: Sight): Tenure {
  return sight.elected === sight.self ? nextWhenElected(tenure, sight) : nextWhenNot(tenure, sight);
}

function nextWhenElected(tenure: Tenure, sight: Sight): Tenure {
  switch (tenure.kind) {
    case 'none': {
      const over = takeOver(sight);
      return over.how === 'planned' ? { kind: 'preparing', from: over.from } : ANNOUNCING;
    }
    case 'preparing':
      return sight.waited || !sight.answers(tenure.from) ? ANNOUNCING : tenure;
    case 'announcing':
      return tenure;
    case 'yielding':
      return ANNOUNCING;
  }
}

function nextWhenNot(tenure: Tenure, { elected, silent, waited, claimant }: Sight): Tenure {
  switch (tenure.kind) {
    case 'none':
      return tenure;
    case 'preparing':
      return NONE;
    case 'announcing':
      // Its successor may have heard of the change first, and has claimed the address already.
      if (elected === undefined || silent || claimant === elected) return NONE;
      return { kind: 'yielding', to: elected };
    case 'yielding':
      if (elected === undefined || silent || waited) return NONE;
      return elected === tenure.to ? tenure : { kind: 'yielding', to: elected };
  }
}
