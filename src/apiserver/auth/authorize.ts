/** What a user may do. The seam where RBAC goes; now it is enough to belong to one of our own groups. */
import { SelfSubjectReview } from '../../api/authentication/v1/reviews.ts';
import { type ApiError, failure, qualified } from '../../api/status.ts';
import type { Target, Verb } from '../context.ts';
import { ANONYMOUS, AUTHENTICATED, type User } from './user.ts';

/** What is to be done: a verb on a resource, or a path that is none. */
export type Attempt =
  | { readonly kind: 'resource'; readonly verb: Verb; readonly target: Target }
  | { readonly kind: 'path'; readonly verb: string; readonly path: string };

const ALL_POWERFUL = new Set(['system:masters', 'system:nodes', 'system:postern']);
/** What anybody may read. */
const PUBLIC = new Set(['/healthz', '/livez', '/readyz', '/version', '/version/']);

/** What everybody may read who has said who they are: what there is, not what is in it. */
const DISCOVERY = /^\/(api|apis|openapi|version|openid\/v1\/jwks|\.well-known\/openid-configuration)(\/|$)/;

/** Undefined when it is allowed, else the answer: 401 for those who did not say who they are, 403 for the others. */
export function authorize(user: User, attempt: Attempt): ApiError | undefined {
  if (user.groups.some((group) => ALL_POWERFUL.has(group))) return undefined;
  if (attempt.kind === 'path' && attempt.verb === 'get' && PUBLIC.has(attempt.path)) return undefined;
  if (user.groups.includes(AUTHENTICATED) && isForEverybody(attempt)) return undefined;
  if (user === ANONYMOUS) return failure(401, 'Unauthorized', 'Unauthorized');
  return forbidden(user, attempt);
}

/** As Kubernetes lets everybody find out what there is, and who they are: the roles system:discovery and system:basic-user. */
function isForEverybody(attempt: Attempt): boolean {
  if (attempt.kind === 'path') return attempt.verb === 'get' && DISCOVERY.test(attempt.path);
  return attempt.verb === 'create' && attempt.target.kind === SelfSubjectReview;
}

function forbidden(user: User, attempt: Attempt): ApiError {
  const who = `User ${JSON.stringify(user.name)} cannot ${attempt.verb}`;
  if (attempt.kind === 'path') {
    return failure(403, 'Forbidden', `forbidden: ${who} path ${JSON.stringify(attempt.path)}`);
  }
  const { kind, name, namespace, subresource } = attempt.target;
  const resource = subresource === undefined ? kind.plural : `${kind.plural}/${subresource}`;
  const where = namespace === undefined ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  const what = name === undefined ? qualified(kind) : `${qualified(kind)} ${JSON.stringify(name)}`;
  return failure(
    403,
    'Forbidden',
    `${what} is forbidden: ${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(kind.group)} ${where}`,
    { ...(name === undefined ? {} : { name }), kind: kind.plural, ...(kind.group === '' ? {} : { group: kind.group }) },
  );
}
