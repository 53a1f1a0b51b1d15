/** Asks whether a user may do something, and words the answer to those who may not. */
import { type ApiError, failure, qualified } from '../../api/status.ts';
import type { Attempt, Authorizer, Decision, Rules } from './authorizer.ts';
import { ANONYMOUS, type User } from './user.ts';

const HEALTH = new Set(['/healthz', '/livez', '/readyz']);
const HEALTH_ALLOWED: Decision = { kind: 'allow', reason: 'everybody may ask whether the server lives' };

/** Lets everybody ask whether the server lives: those who do may know nobody here. */
export const healthAuthorizer: Authorizer = {
  decide: (_, attempt) =>
    attempt.kind === 'path' && attempt.verb === 'get' && HEALTH.has(attempt.path) ? HEALTH_ALLOWED : { kind: 'pass' },
};

/** The group of administrators: whatever roles there are, they can mend them. */
export const MASTERS = 'system:masters';

const EVERYTHING: Rules = {
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'] }],
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  incomplete: false,
};

/** Lets members of a group do everything. */
export function groupAuthorizer(group: string): Authorizer {
  const allow: Decision = { kind: 'allow', reason: `members of ${group} may do everything` };
  const pass: Decision = { kind: 'pass' };
  return {
    decide: ({ groups }) => (groups.includes(group) ? allow : pass),
    rulesFor: ({ groups }) => (groups.includes(group) ? EVERYTHING : undefined),
  };
}

/** Authorizers asked in turn, as kube-apiserver chains them: the first that allows it decides. */
export function chainOf(authorizers: readonly Authorizer[]): Authorizer {
  return {
    decide(user, attempt) {
      const reasons: string[] = [];
      for (const authorizer of authorizers) {
        const decision = authorizer.decide(user, attempt);
        if (decision.kind === 'allow') return decision;
        if (decision.reason !== undefined) reasons.push(decision.reason);
      }
      return reasons.length === 0 ? { kind: 'pass' } : { kind: 'pass', reason: reasons.join('; ') };
    },
    rulesFor(user, namespace) {
      const found = authorizers.map((one) => one.rulesFor?.(user, namespace)).filter((rules) => rules !== undefined);
      const errors = found.map(({ error }) => error).filter((error) => error !== undefined);
      return {
        resourceRules: found.flatMap(({ resourceRules }) => resourceRules),
        nonResourceRules: found.flatMap(({ nonResourceRules }) => nonResourceRules),
        incomplete: found.some(({ incomplete }) => incomplete),
        ...(errors.length === 0 ? {} : { error: errors.join('; ') }),
      };
    },
  };
}

/** Undefined when it is allowed, else the answer: 401 for those who did not say who they are, 403 for the others. */
export function authorize(authorizer: Authorizer, user: User, attempt: Attempt): ApiError | undefined {
  const decision = authorizer.decide(user, attempt);
  if (decision.kind === 'allow') return undefined;
  return user === ANONYMOUS ? failure(401, 'Unauthorized', 'Unauthorized') : forbidden(user, attempt, decision.reason);
}

function forbidden(user: User, attempt: Attempt, reason: string | undefined): ApiError {
  const who = `User ${JSON.stringify(user.name)} cannot ${attempt.verb}`;
  const why = reason === undefined ? '' : `: ${reason}`;
  if (attempt.kind === 'path') {
    return failure(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(attempt.path)}${why}`, {});
  }
  const { group, resource, subresource, namespace, name } = attempt;
  const part = subresource === undefined ? resource : `${resource}/${subresource}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const message = `${who} resource ${JSON.stringify(part)} in API group ${JSON.stringify(group)} ${where}${why}`;
  return forbiddenResource({ group, resource, name }, message);
}

/** 403 about a resource, in Kubernetes' form. */
export function forbiddenResource(
  { group, resource, name }: { readonly group: string; readonly resource: string; readonly name?: string | undefined },
  message: string,
): ApiError {
  const all = qualified({ group, plural: resource, kind: '' });
  const what = name === undefined || name === '' ? all : `${all} ${JSON.stringify(name)}`;
  return failure(403, 'Forbidden', `${what} is forbidden: ${message}`, {
    ...(name === undefined ? {} : { name }),
    kind: resource,
    ...(group === '' ? {} : { group }),
  });
}
