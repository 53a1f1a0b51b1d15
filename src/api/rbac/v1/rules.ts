/** What a role allows: the rules that Role and ClusterRole share. https://kubernetes.io/docs/reference/access-authn-authz/rbac/ */
import { invalidValue, requiredValue } from '../../field-errors.ts';
import { emptyByDefault, list, object, required, string, type TypeOf } from '../../schema.ts';
import type { Cause } from '../../status.ts';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

export const policyRule = object(
  {
    verbs: required(emptyByDefault(list(string('get, list, watch, create, update, patch, delete, …; * is all.')))),
    apiGroups: list(string(), 'Of resources; the empty text is the core group, * is all.'),
    resources: list(string(), 'RESOURCE, RESOURCE/SUBRESOURCE or */SUBRESOURCE; * is all, with their subresources.'),
    resourceNames: list(string(), 'Only objects of these names. Default: all.'),
    nonResourceURLs: list(string(), 'Paths that are no resource, for ClusterRoles; * at the end stands for any rest.'),
  },
  'What may be done.',
);
export type PolicyRule = TypeOf<typeof policyRule>;

/** The `rules` of a role. */
export const rules = list(policyRule, 'What it allows: all of them together.');

/** Every mistake in a list of rules. Those of a namespace are about resources alone. */
export function validateRules(given: readonly PolicyRule[] | undefined, isNamespaced: boolean): readonly Cause[] {
  return (given ?? []).flatMap((rule, i) => validateRule(rule, isNamespaced, `rules[${i}]`));
}

function validateRule(rule: PolicyRule, isNamespaced: boolean, field: string): readonly Cause[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const causes: Cause[] =
    verbs.length === 0 ? [requiredValue(`${field}.verbs`, 'verbs must contain at least one value')] : [];
  if (nonResourceURLs.length > 0) {
    const at = `${field}.nonResourceURLs`;
    const isMixed = apiGroups.length > 0 || resources.length > 0 || resourceNames.length > 0;
    const mixed = 'rules cannot apply to both regular resources and non-resource URLs';
    if (isNamespaced) {
      causes.push(invalidValue(at, nonResourceURLs, 'namespaced rules cannot apply to non-resource URLs'));
    }
    return isMixed ? [...causes, invalidValue(at, nonResourceURLs, mixed)] : causes;
  }
  if (apiGroups.length === 0) {
    causes.push(requiredValue(`${field}.apiGroups`, 'resource rules must supply at least one api group'));
  }
  if (resources.length === 0) {
    causes.push(requiredValue(`${field}.resources`, 'resource rules must supply at least one resource'));
  }
  return causes;
}
