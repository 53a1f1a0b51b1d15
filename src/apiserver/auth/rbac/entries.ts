/** From what the store holds of roles and bindings to what counts of them. Pure. */
import type { KubeObject } from '../../../api/meta/v1.ts';
import { ClusterRole } from '../../../api/rbac/v1/clusterrole.ts';
import { ClusterRoleBinding } from '../../../api/rbac/v1/clusterrolebinding.ts';
import { Role } from '../../../api/rbac/v1/role.ts';
import { RoleBinding } from '../../../api/rbac/v1/rolebinding.ts';
import { kindPrefix } from '../../storage/keys.ts';
import type { PolicyEntry } from './policy.ts';

/** Roles before the bindings that give them. */
export const POLICY_KINDS = [ClusterRole, Role, ClusterRoleBinding, RoleBinding] as const;

export const POLICY_PREFIXES: readonly string[] = POLICY_KINDS.map(kindPrefix);

const [CLUSTER_ROLES, ROLES, CLUSTER_BINDINGS, BINDINGS] = POLICY_PREFIXES;

/** Undefined for a key of something else. Throws when the value is no object. */
export function decodeEntry(key: string, value: Uint8Array): PolicyEntry | undefined {
  const object = JSON.parse(Buffer.from(value).toString('utf8')) as KubeObject;
  const { name = '', namespace } = object.metadata;
  switch (POLICY_PREFIXES.find((prefix) => key.startsWith(prefix))) {
    case CLUSTER_ROLES:
    case ROLES:
      return { kind: 'role', namespace, name, rules: (object as Role).rules ?? [] };
    case CLUSTER_BINDINGS:
    case BINDINGS: {
      const { roleRef, subjects = [] } = object as RoleBinding;
      return { kind: 'binding', namespace, name, roleRef, subjects };
    }
    default:
      return undefined;
  }
}
