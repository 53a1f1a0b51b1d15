/** The rules of a ClusterRole that is made of others. Pure. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles */
import { matchesLabels, selectorOf } from '../../selectors.ts';
import type { ClusterRole } from './clusterrole.ts';
import type { PolicyRule } from './rules.ts';

/**
 * The rules of the roles that a role's aggregationRule selects, in the order of their names, each rule once. Those that are
 * aggregated themselves count with the rules that they have been given.
 */
export function aggregatedRules(role: ClusterRole, all: Iterable<ClusterRole>): readonly PolicyRule[] {
  const selectors = (role.aggregationRule?.clusterRoleSelectors ?? []).map(selectorOf);
  const selected = [...all]
    .filter(({ metadata }) => metadata.name !== role.metadata.name)
    .filter(({ metadata }) => selectors.some((selector) => matchesLabels(selector, metadata.labels)))
    .sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  const rules = new Map<string, PolicyRule>();
  for (const one of selected) for (const rule of one.rules ?? []) rules.set(JSON.stringify(rule), rule);
  return [...rules.values()];
}
