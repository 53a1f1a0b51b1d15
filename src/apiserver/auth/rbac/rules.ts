/**
 * Whether a rule of a role allows an attempt. Pure. Rules are from whoever may write roles, so they are looked up, not searched.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources
 */
import type { PolicyRule } from '../../../api/rbac/v1/rules.ts';
import type { Attempt } from '../authorizer.ts';

export const ALL = '*';

/** A rule, ready to be asked. */
export interface CompiledRule {
  readonly verbs: ReadonlySet<string>;
  readonly groups: ReadonlySet<string>;
  readonly resources: ReadonlySet<string>;
  /** Empty: objects of all names. */
  readonly names: ReadonlySet<string>;
  readonly paths: ReadonlySet<string>;
  /** Beginnings of paths, of those that end in `*`. */
  readonly pathPrefixes: readonly string[];
}

export function compileRule(rule: PolicyRule): CompiledRule {
  const { verbs, apiGroups, resources, resourceNames, nonResourceURLs = [] } = rule;
  return {
    verbs: new Set(verbs),
    groups: new Set(apiGroups),
    resources: new Set(resources),
    names: new Set(resourceNames),
    paths: new Set(nonResourceURLs),
    pathPrefixes: nonResourceURLs.filter((path) => path.endsWith(ALL)).map((path) => path.replace(/\*+$/, '')),
  };
}

export function allows(rule: CompiledRule, attempt: Attempt): boolean {
  if (!hasOrAll(rule.verbs, attempt.verb)) return false;
  if (attempt.kind === 'path') return allowsPath(rule, attempt.path);
  return (
    hasOrAll(rule.groups, attempt.group) &&
    allowsResource(rule.resources, attempt.resource, attempt.subresource) &&
    (rule.names.size === 0 || (attempt.name !== undefined && rule.names.has(attempt.name)))
  );
}

/** `pods` is not `pods/log`, nor the other way round; the resource `*` before `/log` stands for all. */
export function allowsResource(given: ReadonlySet<string>, resource: string, subresource?: string): boolean {
  if (given.has(ALL)) return true;
  if (!subresource) return given.has(resource);
  return given.has(`${resource}/${subresource}`) || given.has(`*/${subresource}`);
}

export function allowsPath({ paths, pathPrefixes }: CompiledRule, path: string): boolean {
  return paths.has(path) || pathPrefixes.some((prefix) => path.startsWith(prefix));
}

export function hasOrAll(given: ReadonlySet<string>, value: string): boolean {
  return given.has(value) || given.has(ALL);
}
