/** The words that default roles are written in. */
import { ClusterRole } from '../../../../api/rbac/v1/clusterrole.ts';
import { ClusterRoleBinding } from '../../../../api/rbac/v1/clusterrolebinding.ts';
import { type PolicyRule, RBAC_GROUP } from '../../../../api/rbac/v1/rules.ts';
import type { Subject } from '../../../../api/rbac/v1/subjects.ts';

export const READ = ['get', 'list', 'watch'];
export const FOLLOW = ['list', 'watch'];
export const WRITE = ['create', 'delete', 'deletecollection', 'patch', 'update'];
export const READ_WRITE = [...READ, ...WRITE];

/** On an object or role: `false` leaves it as it is at the start of a server. */
export const AUTOUPDATE = 'rbac.authorization.kubernetes.io/autoupdate';
const DEFAULTS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };

export type AggregateTo = 'admin' | 'edit' | 'view';
export const aggregateTo = (role: AggregateTo) => `${RBAC_GROUP}/aggregate-to-${role}`;

/** Lets resources of a group be used; all of them, or those of some names. */
export function may(
  verbs: readonly string[],
  groups: string | readonly string[],
  resources: readonly string[],
  names?: readonly string[],
): PolicyRule {
  return {
    verbs,
    apiGroups: typeof groups === 'string' ? [groups] : groups,
    resources,
    ...(names === undefined ? {} : { resourceNames: names }),
  };
}

/** Lets paths be read that are no resource. */
export function mayGet(...nonResourceURLs: readonly string[]): PolicyRule {
  return { verbs: ['get'], nonResourceURLs };
}

/** Events about what one does. */
export const TELL_EVENTS = may(['create', 'patch', 'update'], ['', 'events.k8s.io'], ['events']);

interface RoleOptions {
  /** Whose rules it is among. */
  readonly in?: AggregateTo;
  /** Its rules are those of the roles that are in it. */
  readonly of?: AggregateTo;
}

export function role(name: string, rules: readonly PolicyRule[], options: RoleOptions = {}): ClusterRole {
  return {
    apiVersion: ClusterRole.apiVersion,
    kind: ClusterRole.kind,
    metadata: {
      name,
      labels: { ...DEFAULTS, ...(options.in === undefined ? {} : { [aggregateTo(options.in)]: 'true' }) },
      annotations: { [AUTOUPDATE]: 'true' },
    },
    ...(options.of === undefined
      ? {}
      : { aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [aggregateTo(options.of)]: 'true' } }] } }),
    rules,
  };
}

export const group = (name: string): Subject => ({ kind: 'Group', apiGroup: RBAC_GROUP, name });
export const user = (name: string): Subject => ({ kind: 'User', apiGroup: RBAC_GROUP, name });
export const account = (namespace: string, name: string): Subject => ({ kind: 'ServiceAccount', name, namespace });

/** Gives a role to somebody in the whole cluster. `name` is that of the role when there is no other. */
export function give(roleName: string, subjects: readonly Subject[], name: string = roleName): ClusterRoleBinding {
  return {
    apiVersion: ClusterRoleBinding.apiVersion,
    kind: ClusterRoleBinding.kind,
    metadata: { name, labels: DEFAULTS, annotations: { [AUTOUPDATE]: 'true' } },
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name: roleName },
    subjects,
  };
}
