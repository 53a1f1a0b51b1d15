/**
 * Role-based access control: an authorizer that follows the roles and bindings in the store. A write through this server counts
 * from its answer on; one through another server as soon as the store tells of it.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/
 */
import { RBAC_GROUP } from '../../../api/rbac/v1/rules.ts';
import type { Clock } from '../../../host/clock.ts';
import type { Logger } from '../../../host/log.ts';
import type { Operation, Revision, Store } from '../../../store/store.ts';
import type { Settlement } from '../../admission.ts';
import { type Follower, follow } from '../../storage/follow.ts';
import type { Attempt, Authorizer, Decision, Rules } from '../authorizer.ts';
import type { User } from '../user.ts';
import { decodeEntry, POLICY_PREFIXES } from './entries.ts';
import { type BindingEntry, type Grant, Policy } from './policy.ts';
import { allows } from './rules.ts';

export interface RBACParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

export class RBAC implements Authorizer {
  readonly #parts: RBACParts;
  readonly #policy = new Policy();
  /** Keys that were written here, at revisions that the store's watch has not told yet. */
  readonly #ahead = new Map<string, Revision>();
  /** How far the store has told what is under each prefix. */
  readonly #told = new Map<string, Revision>();

  constructor(parts: RBACParts) {
    this.#parts = parts;
  }

  /** Reads roles and bindings, and follows them until the signal is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    for (const prefix of POLICY_PREFIXES) await follow(this.#parts, prefix, this.#follower(prefix), signal);
  }

  /** Learns at once what the watch would tell a moment later. */
  settled({ written, revision }: Settlement): void {
    if (revision === undefined) return;
    for (const operation of written) {
      const { key } = operation;
      const prefix = POLICY_PREFIXES.find((one) => key.startsWith(one));
      // The watch may have been quicker, and have told what came after.
      if (prefix === undefined || revision <= (this.#told.get(prefix) ?? 0) || !this.#isNews(key, revision)) continue;
      this.#ahead.set(key, revision);
      this.#put(operation);
    }
  }

  decide(user: User, attempt: Attempt): Decision {
    const namespace = attempt.kind === 'resource' ? attempt.namespace : undefined;
    const missing: BindingEntry[] = [];
    for (const grant of this.#policy.grantsOf(user, namespace)) {
      const rules = this.#policy.compiledRulesOf(grant.binding);
      if (rules === undefined) missing.push(grant.binding);
      else if (rules.some((rule) => allows(rule, attempt))) return { kind: 'allow', reason: describeGrant(grant) };
    }
    const reason = describeMissing(missing);
    return reason === undefined ? { kind: 'pass' } : { kind: 'pass', reason: `RBAC: ${reason}` };
  }

  rulesFor(user: User, namespace: string | undefined): Rules {
    const missing: BindingEntry[] = [];
    const found = [...this.#policy.grantsOf(user, namespace)].flatMap(({ binding }) => {
      const rules = this.#policy.rulesOf(binding);
      if (rules === undefined) missing.push(binding);
      // What is said of paths in a namespace's binding counts for nothing.
      return (rules ?? []).filter(({ nonResourceURLs = [] }) => binding.namespace === undefined || !nonResourceURLs[0]);
    });
    const error = describeMissing(missing);
    return {
      resourceRules: found.filter(({ nonResourceURLs = [] }) => nonResourceURLs.length === 0),
      nonResourceRules: found.filter(({ nonResourceURLs = [] }) => nonResourceURLs.length > 0),
      incomplete: error !== undefined,
      ...(error === undefined ? {} : { error }),
    };
  }

  /** The rules that a binding of this role would give; undefined when there is no such role. */
  rulesOfRole(binding: Pick<BindingEntry, 'namespace' | 'roleRef'>) {
    return this.#policy.rulesOf(binding);
  }

  #put(operation: Operation): void {
    const value = operation.kind === 'put' ? operation.value : undefined;
    this.#policy.set(operation.key, value && this.#decode(operation.key, value));
  }

  /** An entry that cannot be read gives nobody any right. */
  #decode(key: string, value: Uint8Array) {
    try {
      return decodeEntry(key, value);
    } catch (err) {
      this.#parts.log.error({ err, key }, 'a role or binding in the store cannot be read, and counts for nothing');
      return undefined;
    }
  }

  #follower(prefix: string): Follower {
    const put = (operation: Operation, revision: Revision) => {
      if (this.#isNews(operation.key, revision)) this.#put(operation);
    };
    return {
      reset: (entries, revision) => {
        const found = new Set(entries.map(({ key }) => key));
        const gone = [...this.#policy.keys()].filter((key) => key.startsWith(prefix) && !found.has(key));
        for (const key of gone) put({ kind: 'delete', key }, revision);
        // Read again, most of them are as they were told: only the others are worth the time.
        const told = this.#told.get(prefix) ?? 0;
        for (const { key, value, modified } of entries) if (modified > told) put({ kind: 'put', key, value }, revision);
      },
      apply: (event) => {
        if (event.kind === 'delete') put({ kind: 'delete', key: event.key }, event.revision);
        else put({ kind: 'put', key: event.entry.key, value: event.entry.value }, event.entry.modified);
      },
      reached: (revision) => this.#reached(prefix, revision),
    };
  }

  /** Whether what the store tells is newer than what was written here. */
  #isNews(key: string, revision: Revision): boolean {
    return revision >= (this.#ahead.get(key) ?? 0);
  }

  #reached(prefix: string, revision: Revision): void {
    this.#told.set(prefix, revision);
    for (const [key, ahead] of this.#ahead) {
      if (ahead <= revision && key.startsWith(prefix)) this.#ahead.delete(key);
    }
  }
}

/** In the words of Kubernetes, which answers to a SubjectAccessReview tell. */
function describeGrant({ binding: { namespace, name, roleRef }, subject }: Grant): string {
  const where = namespace === undefined ? 'ClusterRoleBinding' : 'RoleBinding';
  const what = namespace === undefined ? name : `${name}/${namespace}`;
  const isAccount = subject.kind === 'ServiceAccount';
  const who = isAccount ? `${subject.name}/${subject.namespace || namespace}` : subject.name;
  const role = `${roleRef.kind} ${JSON.stringify(roleRef.name)}`;
  return `RBAC: allowed by ${where} ${JSON.stringify(what)} of ${role} to ${subject.kind} ${JSON.stringify(who)}`;
}

/** As many as an answer tells. */
const MISSING_MAX = 8;

function describeMissing(missing: readonly BindingEntry[]): string | undefined {
  const texts = new Set(missing.map(({ roleRef }) => roleNotFound(roleRef)));
  const [first] = texts;
  return texts.size > 1 ? `[${[...texts].slice(0, MISSING_MAX).join(', ')}]` : first;
}

function roleNotFound({ kind, name }: BindingEntry['roleRef']): string {
  return `${kind.toLowerCase()}.${RBAC_GROUP} ${JSON.stringify(name)} not found`;
}
