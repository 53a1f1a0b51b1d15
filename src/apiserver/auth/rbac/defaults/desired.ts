/**
 * What becomes of a default role or binding that is there already: it is completed, and what somebody has added to it stays, as
 * Kubernetes reconciles them. Pure. https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation
 */
import type { KubeObject } from '../../../../api/meta/v1.ts';
import { aggregatedRules } from '../../../../api/rbac/v1/aggregation.ts';
import type { ClusterRole } from '../../../../api/rbac/v1/clusterrole.ts';
import type { ClusterRoleBinding } from '../../../../api/rbac/v1/clusterrolebinding.ts';
import type { PolicyRule } from '../../../../api/rbac/v1/rules.ts';
import { sameValue } from '../../../../api/value.ts';
import { coverage } from '../covers.ts';
import { AUTOUPDATE } from './words.ts';

/** What to do about one object. */
export type Step<T> =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'create'; readonly object: T }
  | { readonly kind: 'update'; readonly object: T };

const NOTHING = { kind: 'nothing' } as const;

/**
 * The roles, those with an aggregationRule with the rules that it gives them: whole before any controller runs. They stand
 * after those that they select.
 */
export function withFirstRules(roles: readonly ClusterRole[]): readonly ClusterRole[] {
  const done: ClusterRole[] = [];
  for (const role of roles) {
    const rules = role.aggregationRule === undefined ? (role.rules ?? []) : aggregatedRules(role, done);
    done.push({ ...role, rules });
  }
  return done;
}

export function roleStep(wanted: ClusterRole, found: ClusterRole | undefined): Step<ClusterRole> {
  if (found === undefined) return { kind: 'create', object: wanted };
  if (isKept(found)) return NOTHING;
  const next = { ...found, metadata: withMarks(wanted, found) };
  if (wanted.aggregationRule === undefined) {
    return step(found, { ...next, rules: completed(found.rules ?? [], wanted.rules ?? []) });
  }
  const selectors = found.aggregationRule?.clusterRoleSelectors ?? [];
  const missing = (wanted.aggregationRule.clusterRoleSelectors ?? []).filter(
    (selector) => !selectors.some((one) => sameValue(one, selector)),
  );
  return step(found, { ...next, aggregationRule: { clusterRoleSelectors: [...selectors, ...missing] } });
}

/** A binding cannot be given another role: when it has another, it is made anew. */
export function bindingStep(
  wanted: ClusterRoleBinding,
  found: ClusterRoleBinding | undefined,
): Step<ClusterRoleBinding> {
  if (found === undefined) return { kind: 'create', object: wanted };
  if (isKept(found)) return NOTHING;
  if (!sameValue(found.roleRef, wanted.roleRef)) return { kind: 'create', object: wanted };
  const subjects = found.subjects ?? [];
  const missing = (wanted.subjects ?? []).filter((subject) => !subjects.some((one) => sameValue(one, subject)));
  return step(found, { ...found, metadata: withMarks(wanted, found), subjects: [...subjects, ...missing] });
}

function isKept({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[AUTOUPDATE] === 'false';
}

function step<T>(found: T, next: T): Step<T> {
  return sameValue(found, next) ? NOTHING : { kind: 'update', object: next };
}

/** What somebody has said of a label or annotation counts before what we would say. */
function withMarks(wanted: KubeObject, { metadata }: KubeObject): KubeObject['metadata'] {
  return {
    ...metadata,
    labels: { ...wanted.metadata.labels, ...metadata.labels },
    annotations: { ...wanted.metadata.annotations, ...metadata.annotations },
  };
}

function completed(found: readonly PolicyRule[], wanted: readonly PolicyRule[]): readonly PolicyRule[] {
  return [...found, ...wanted.filter((rule) => coverage(found, [rule]).kind !== 'covered')];
}
