/**
 * Nobody gives others what they do not have themselves, by making a role larger or by binding one.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
import type { AnyKind } from '../../../api/kinds.ts';
import { ClusterRole } from '../../../api/rbac/v1/clusterrole.ts';
import { ClusterRoleBinding } from '../../../api/rbac/v1/clusterrolebinding.ts';
import { Role } from '../../../api/rbac/v1/role.ts';
import { RoleBinding } from '../../../api/rbac/v1/rolebinding.ts';
import { type PolicyRule, RBAC_GROUP } from '../../../api/rbac/v1/rules.ts';
import type { RoleRef } from '../../../api/rbac/v1/subjects.ts';
import { notFound } from '../../../api/status.ts';
import { sameValue } from '../../../api/value.ts';
import type { Write } from '../../admission.ts';
import { forbiddenResource } from '../authorize.ts';
import type { Authorizer } from '../authorizer.ts';
import type { User } from '../user.ts';
import { coverage, describeRights, quoteAll } from './covers.ts';
import type { RBAC } from './rbac.ts';

/** What an aggregationRule can bring together: anything, so it takes everything. */
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

/** Throws an ApiError, 403, when a write would give others what its user does not have. The server itself may give all. */
export function checkGrant(write: Write, rbac: RBAC, authorizer: Authorizer): void {
  const { kind, next, by } = write;
  if (next === undefined || by === undefined || kind.group !== RBAC_GROUP) return;
  const asked = { write, user: by, rbac, authorizer };
  if (kind === Role || kind === ClusterRole) checkRole(asked);
  if (kind === RoleBinding || kind === ClusterRoleBinding) checkBinding(asked);
}

interface Asked {
  readonly write: Write;
  readonly user: User;
  readonly rbac: RBAC;
  readonly authorizer: Authorizer;
}

function checkRole(asked: Asked): void {
  const { kind, old, next } = asked.write;
  const [before, after] = [old, next] as [ClusterRole | undefined, ClusterRole];
  const isSame =
    before !== undefined &&
    sameValue(before.rules ?? [], after.rules ?? []) &&
    sameValue(before.aggregationRule, after.aggregationRule);
  const { name, namespace } = after.metadata;
  if (isSame || isAllowed(asked, 'escalate', kind.plural, name, namespace)) return;
  checkHeld(asked, after.rules ?? [], namespace);
  if (after.aggregationRule === undefined && before?.aggregationRule === undefined) return;
  checkHeld(asked, EVERYTHING, undefined, 'must have cluster-admin privileges to use an aggregationRule: ');
}

function checkBinding(asked: Asked): void {
  const { old, next } = asked.write;
  const [before, after] = [old, next] as [RoleBinding | undefined, RoleBinding];
  const { roleRef, metadata } = after;
  if (before !== undefined && sameValue(before.subjects ?? [], after.subjects ?? [])) return;
  const { namespace } = metadata;
  if (isAllowed(asked, 'bind', roleKind(roleRef).plural, roleRef.name, namespace)) return;
  const rules = asked.rbac.rulesOfRole({ namespace, roleRef });
  if (rules === undefined) throw notFound(roleKind(roleRef), roleRef.name);
  checkHeld(asked, rules, namespace);
}

function roleKind({ kind }: RoleRef): AnyKind {
  return kind === 'Role' ? Role : ClusterRole;
}

function isAllowed(
  { user, authorizer }: Asked,
  verb: string,
  resource: string,
  name: string | undefined,
  namespace: string | undefined,
): boolean {
  const attempt = {
    kind: 'resource',
    verb,
    group: RBAC_GROUP,
    resource,
    subresource: undefined,
    namespace,
    name,
  } as const;
  return authorizer.decide(user, attempt).kind === 'allow';
}

/** Throws an ApiError, 403, unless the user holds all that the rules allow, by roles. */
function checkHeld(
  { write, user, rbac }: Asked,
  rules: readonly PolicyRule[],
  namespace: string | undefined,
  before = '',
): void {
  const { resourceRules, nonResourceRules, error } = rbac.rulesFor(user, namespace);
  const found = coverage([...resourceRules, ...nonResourceRules], rules);
  if (found.kind === 'covered') return;
  const missing =
    found.kind === 'missing'
      ? describeRights(found.rights)
      : `more than ${found.limit} single rights (groups × resources × verbs): make several smaller roles`;
  const who = `user ${JSON.stringify(user.name)} (groups=${quoteAll(user.groups)})`;
  const resolution = error === undefined ? '' : `; resolution errors: [${error}]`;
  const text = `${before}${who} is attempting to grant RBAC permissions not currently held:\n${missing}${resolution}`;
  const { kind, next } = write;
  throw forbiddenResource({ group: kind.group, resource: kind.plural, name: next?.metadata.name }, text);
}
