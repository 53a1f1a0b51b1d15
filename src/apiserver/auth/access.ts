/** Who may do what on this server: the authorizers in their order, and what belongs to writes of roles and bindings. */
import type { Admission, Admitted, Settlement, Write } from '../admission.ts';
import { chainOf, groupAuthorizer, healthAuthorizer, MASTERS } from './authorize.ts';
import type { Attempt, Authorizer, Decision, Rules } from './authorizer.ts';
import { checkGrant } from './rbac/escalation.ts';
import { RBAC, type RBACParts } from './rbac/rbac.ts';
import { UNAUTHENTICATED, type User } from './user.ts';

/** No role can be given by mistake to those who do not say who they are. */
const NOT_FOR_NOBODY: Decision = { kind: 'pass', reason: 'resources are only for those who say who they are' };

export class Access implements Authorizer, Admission {
  readonly #rbac: RBAC;
  readonly #chain: Authorizer;

  /** `before` are asked after the administrators' group and before the roles. */
  constructor(parts: RBACParts, before: readonly Authorizer[] = []) {
    this.#rbac = new RBAC(parts);
    this.#chain = chainOf([healthAuthorizer, groupAuthorizer(MASTERS), ...before, this.#rbac]);
  }

  /** Reads roles and bindings, and follows them until the signal is aborted. */
  start(signal: AbortSignal): Promise<void> {
    return this.#rbac.start(signal);
  }

  decide(user: User, attempt: Attempt): Decision {
    if (attempt.kind === 'resource' && user.groups.includes(UNAUTHENTICATED)) return NOT_FOR_NOBODY;
    return this.#chain.decide(user, attempt);
  }

  rulesFor(user: User, namespace: string): Rules {
    return this.#chain.rulesFor?.(user, namespace) ?? { resourceRules: [], nonResourceRules: [], incomplete: false };
  }

  /** Nobody gives others what they do not have themselves. */
  async admit(write: Write): Promise<Admitted> {
    checkGrant(write, this.#rbac, this.#chain);
    return { next: write.next, compares: [], operations: [] };
  }

  settled(settlement: Settlement): void {
    this.#rbac.settled(settlement);
  }
}
