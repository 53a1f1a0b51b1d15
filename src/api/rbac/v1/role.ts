/** rbac.authorization.k8s.io/v1 Role: what may be done in its namespace. https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
import { defineKind, type Resource } from '../../kind.ts';
import { object, type TypeOf } from '../../schema.ts';
import { createdAt, RBAC } from './declaration.ts';
import { rules, validateRules } from './rules.ts';

const fields = object({ rules }, 'What may be done in a namespace, by those whom RoleBindings name.');
export type Role = Resource<TypeOf<typeof fields>>;

export const Role = defineKind({
  ...RBAC,
  kind: 'Role',
  plural: 'roles',
  namespaced: true,
  schema: fields,
  columns: [createdAt],
  age: false,
  validate: (role) => validateRules(role.rules, true),
});
