/** rbac.authorization.k8s.io/v1 RoleBinding. https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
import { defineKind, type Resource } from '../../kind.ts';
import { object, required, type TypeOf } from '../../schema.ts';
import { RBAC } from './declaration.ts';
import { bindingColumns, roleRef, subjects, validateBinding, withGroups } from './subjects.ts';

const fields = object(
  { subjects, roleRef: required(roleRef) },
  'Gives a role in a namespace to users, groups and service accounts.',
);
export type RoleBinding = Resource<TypeOf<typeof fields>>;

export const RoleBinding = defineKind({
  ...RBAC,
  kind: 'RoleBinding',
  plural: 'rolebindings',
  namespaced: true,
  schema: fields,
  columns: bindingColumns,
  defaults: withGroups,
  validate: (binding, old) => validateBinding(binding, old, { kinds: ['Role', 'ClusterRole'], isNamespaced: true }),
});
