/** rbac.authorization.k8s.io/v1 ClusterRoleBinding. https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
import { defineKind, type Resource } from '../../kind.ts';
import { object, required, type TypeOf } from '../../schema.ts';
import { RBAC } from './declaration.ts';
import { bindingColumns, roleRef, subjects, validateBinding, withGroups } from './subjects.ts';

const fields = object(
  { subjects, roleRef: required(roleRef) },
  'Gives a role in the whole cluster to users, groups and service accounts.',
);
export type ClusterRoleBinding = Resource<TypeOf<typeof fields>>;

export const ClusterRoleBinding = defineKind({
  ...RBAC,
  kind: 'ClusterRoleBinding',
  plural: 'clusterrolebindings',
  namespaced: false,
  schema: fields,
  columns: bindingColumns,
  defaults: withGroups,
  validate: (binding, old) => validateBinding(binding, old, { kinds: ['ClusterRole'], isNamespaced: false }),
});
