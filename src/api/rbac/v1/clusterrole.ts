/**
 * rbac.authorization.k8s.io/v1 ClusterRole: what may be done in the whole cluster, or, by a RoleBinding, in one namespace.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
 */
import { requiredValue } from '../../field-errors.ts';
import { defineKind, type Resource } from '../../kind.ts';
import { labelSelector } from '../../meta/v1.ts';
import { validateSelector } from '../../meta/validation.ts';
import { list, object, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';
import { createdAt, RBAC } from './declaration.ts';
import { rules, validateRules } from './rules.ts';

const aggregationRule = object(
  { clusterRoleSelectors: list(labelSelector, 'Roles that any of them selects.') },
  'Makes the rules of this role those of others.',
);
export type AggregationRule = TypeOf<typeof aggregationRule>;

const fields = object({ rules, aggregationRule }, 'What may be done in the cluster, by those whom bindings name.');
export type ClusterRole = Resource<TypeOf<typeof fields>>;

export const ClusterRole = defineKind({
  ...RBAC,
  kind: 'ClusterRole',
  plural: 'clusterroles',
  namespaced: false,
  schema: fields,
  columns: [createdAt],
  age: false,
  validate: (role) => [...validateRules(role.rules, false), ...validateAggregation(role.aggregationRule)],
});

function validateAggregation(rule: AggregationRule | undefined): readonly Cause[] {
  if (rule === undefined) return [];
  const field = 'aggregationRule.clusterRoleSelectors';
  const { clusterRoleSelectors: selectors = [] } = rule;
  if (selectors.length === 0) {
    return [requiredValue(field, 'at least one clusterRoleSelector required if aggregationRule is non-nil')];
  }
  return selectors.flatMap((selector, i) => validateSelector(selector, `${field}[${i}]`));
}
