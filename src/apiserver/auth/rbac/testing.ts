/** For tests: role-based access control as its documentation puts it, word for word and without a thought for speed. */
import type { ClusterRole } from '../../../api/rbac/v1/clusterrole.ts';
import type { RoleBinding } from '../../../api/rbac/v1/rolebinding.ts';
import type { PolicyRule } from '../../../api/rbac/v1/rules.ts';
import type { Attempt, ResourceAttempt } from '../authorizer.ts';
import type { User } from '../user.ts';

export interface World {
  /** Roles and ClusterRoles. */
  readonly roles: readonly ClusterRole[];
  /** RoleBindings and ClusterRoleBindings. */
  readonly bindings: readonly RoleBinding[];
}

/** Whether somebody may do something. */
export function naivelyAllowed({ roles, bindings }: World, user: User, attempt: Attempt): boolean {
  return bindings.some((binding) => {
    const where = binding.metadata.namespace;
    const counts = where === undefined || (attempt.kind === 'resource' && attempt.namespace === where);
    if (!counts || !names(binding, user)) return false;
    const { kind, name } = binding.roleRef;
    const home = kind === 'Role' ? where : undefined;
    const role = roles.find(({ metadata }) => metadata.name === name && metadata.namespace === home);
    return (role?.rules ?? []).some((rule) => allowsAttempt(rule, attempt));
  });
}

function names({ subjects = [], metadata }: RoleBinding, user: User): boolean {
  return subjects.some(({ kind, name, namespace }) => {
    if (kind === 'User') return user.name === name;
    if (kind === 'Group') return user.groups.includes(name);
    return user.name === `system:serviceaccount:${namespace || metadata.namespace}:${name}`;
  });
}

function allowsAttempt(rule: PolicyRule, attempt: Attempt): boolean {
  if (!rule.verbs.includes('*') && !rule.verbs.includes(attempt.verb)) return false;
  return attempt.kind === 'path' ? allowsPath(rule, attempt.path) : allowsResource(rule, attempt);
}

function allowsPath({ nonResourceURLs = [] }: PolicyRule, path: string): boolean {
  return nonResourceURLs.some((url) => url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1))));
}

function allowsResource(rule: PolicyRule, { group, resource, subresource, name }: ResourceAttempt): boolean {
  const { apiGroups = [], resources = [], resourceNames = [] } = rule;
  const wanted = subresource === undefined ? [resource] : [`${resource}/${subresource}`, `*/${subresource}`];
  return (
    (apiGroups.includes('*') || apiGroups.includes(group)) &&
    (resources.includes('*') || wanted.some((one) => resources.includes(one))) &&
    (resourceNames.length === 0 || (name !== undefined && resourceNames.includes(name)))
  );
}
