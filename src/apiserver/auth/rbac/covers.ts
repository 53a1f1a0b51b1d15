/**
 * Whether rules allow all that other rules do: how it is told that somebody would give others more than they have. Pure.
 * https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping
 */
import type { PolicyRule } from '../../../api/rbac/v1/rules.ts';
import { ALL, allowsPath, allowsResource, type CompiledRule, compileRule, hasOrAll } from './rules.ts';

/**
 * Single rights that are compared at most. A rule of many groups, resources and verbs stands for their product, so a small body
 * could ask for billions.
 */
const RIGHTS_MAX = 5000;

/** One verb on one resource or path: what rules come apart into. */
export interface Right {
  readonly verb: string;
  readonly group?: string;
  readonly resource?: string;
  readonly name?: string;
  readonly path?: string;
}

export type Coverage =
  | { readonly kind: 'covered' }
  | { readonly kind: 'missing'; readonly rights: readonly Right[] }
  /** There are too many rights to compare them one by one, and no rule allows all of them at once. */
  | { readonly kind: 'too-many'; readonly limit: number };

/** Compares what `wanted` allows with what `held` does. */
export function coverage(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): Coverage {
  const compiled = held.map(compileRule);
  // Whoever has a whole rule has its parts: administrators, and all who pass on a rule of their own.
  const open = wanted.filter((rule) => !compiled.some((one) => coversWhole(one, rule)));
  const count = open.reduce((sum, rule) => sum + countRights(rule), 0);
  if (count > RIGHTS_MAX) return { kind: 'too-many', limit: RIGHTS_MAX };
  const missing = open.flatMap(rightsOf).filter((right) => !compiled.some((rule) => gives(rule, right)));
  return missing.length === 0 ? { kind: 'covered' } : { kind: 'missing', rights: missing };
}

/** Whether a single rule allows all that another does. */
function coversWhole(held: CompiledRule, { verbs, apiGroups = [], resources = [], ...rule }: PolicyRule): boolean {
  const { resourceNames = [], nonResourceURLs = [] } = rule;
  return (
    verbs.every((verb) => hasOrAll(held.verbs, verb)) &&
    apiGroups.every((group) => hasOrAll(held.groups, group)) &&
    resources.every((resource) => givesResource(held, resource)) &&
    nonResourceURLs.every((path) => allowsPath(held, path)) &&
    givesNames(held, resourceNames)
  );
}

function givesNames({ names }: CompiledRule, wanted: readonly string[]): boolean {
  if (names.size === 0) return true;
  return wanted.length > 0 && wanted.every((name) => names.has(name));
}

function givesResource({ resources }: CompiledRule, wanted: string): boolean {
  if (wanted === ALL) return resources.has(ALL);
  const slash = wanted.indexOf('/');
  return slash < 0
    ? allowsResource(resources, wanted)
    : allowsResource(resources, wanted.slice(0, slash), wanted.slice(slash + 1));
}

function gives(rule: CompiledRule, right: Right): boolean {
  if (!hasOrAll(rule.verbs, right.verb)) return false;
  if (right.path !== undefined) return allowsPath(rule, right.path);
  return (
    hasOrAll(rule.groups, right.group ?? '') &&
    givesResource(rule, right.resource ?? '') &&
    givesNames(rule, right.name === undefined ? [] : [right.name])
  );
}

function countRights({ verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] }: PolicyRule) {
  const ofResources = apiGroups.length * resources.length * Math.max(1, resourceNames.length);
  return verbs.length * (ofResources + nonResourceURLs.length);
}

function rightsOf(rule: PolicyRule): readonly Right[] {
  const { verbs, apiGroups = [], resources = [], resourceNames = [], nonResourceURLs = [] } = rule;
  const names = resourceNames.length === 0 ? [undefined] : resourceNames;
  return verbs.flatMap((verb) => [
    ...nonResourceURLs.map((path) => ({ verb, path })),
    ...apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        names.map((name) => ({ verb, group, resource, ...(name === undefined ? {} : { name }) })),
      ),
    ),
  ]);
}

/** As many as an answer tells. */
const TOLD_MAX = 64;

/** Rights as an answer tells them, in Kubernetes' form: those of one resource together, a line each. */
export function describeRights(rights: readonly Right[]): string {
  const together = new Map<string, Right[]>();
  for (const right of rights) {
    const { verb: _, ...of } = right;
    const key = JSON.stringify(of);
    const found = together.get(key);
    if (found !== undefined) found.push(right);
    else if (together.size < TOLD_MAX) together.set(key, [right]);
  }
  return [...together.values()].map(describe).sort().join('\n');
}

function describe(rights: readonly Right[]): string {
  const { group, resource, path, name }: Partial<Right> = rights[0] ?? {};
  const parts = [
    ...(group === undefined ? [] : [['APIGroups', [group]] as const]),
    ...(resource === undefined ? [] : [['Resources', [resource]] as const]),
    ...(path === undefined ? [] : [['NonResourceURLs', [path]] as const]),
    ...(name === undefined ? [] : [['ResourceNames', [name]] as const]),
    ['Verbs', rights.map(({ verb }) => verb)] as const,
  ];
  return `{${parts.map(([field, texts]) => `${field}:${quoteAll(texts)}`).join(', ')}}`;
}

/** As Go prints a list of texts. */
export function quoteAll(texts: readonly string[]): string {
  return `[${texts.map((text) => JSON.stringify(text)).join(' ')}]`;
}
