/**
 * Gives ClusterRoles that are made of others the rules of those: `admin`, `edit` and `view` grow with every role that is labelled so.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#aggregated-clusterroles
 */
import { aggregatedRules } from '../../api/rbac/v1/aggregation.ts';
import { ClusterRole } from '../../api/rbac/v1/clusterrole.ts';
import type { PolicyRule } from '../../api/rbac/v1/rules.ts';
import { runController } from '../../client/controller.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { ControllerParts, Run } from '../parts.ts';

/** Makes the controller; its keys are names of ClusterRoles with an aggregationRule. */
export function clusterRoleAggregationController({ client, informers, clock, log }: ControllerParts): Run {
  const queue = new WorkQueue({ clock });
  const roles = informers.of(ClusterRole);
  const aggregated = roles.index(({ aggregationRule }) => (aggregationRule === undefined ? [] : ['aggregated']));
  roles.onChange(() => {
    // Any role may be selected, or have been. There are few that select.
    for (const { metadata } of aggregated('aggregated')) queue.add(metadata.name ?? '');
  });
  const reconcile = async (name: string): Promise<void> => {
    const role = roles.get(name);
    if (role?.aggregationRule === undefined || role.metadata.deletionTimestamp !== undefined) return;
    const rules = aggregatedRules(role, roles.list());
    if (!sameRules(role.rules ?? [], rules)) await client.update(ClusterRole, { ...role, rules });
  };
  return (signal) => runController({ name: 'clusterroleaggregation', queue, reconcile, workers: 1, log }, signal);
}

/** Whatever their order: that is the choice of whoever wrote them first. */
function sameRules(a: readonly PolicyRule[], b: readonly PolicyRule[]): boolean {
  const texts = (rules: readonly PolicyRule[]) => rules.map((rule) => JSON.stringify(rule)).sort();
  const [left, right] = [texts(a), texts(b)];
  return left.length === right.length && left.every((text, i) => text === right[i]);
}
