/** A security list as it is, and what is claimed in it: the list as it is to be. Rules of others stay as they are, in their order. */
import { type Mark, markOf, type Owner, parseMark, printMark, revised, type Scope, scopeKey } from './marks.ts';
import {
  contentOf,
  contentOfEgress,
  contentOfIngress,
  type Direction,
  type EgressRule,
  egressRule,
  type IngressRule,
  ingressRule,
  type Rule,
} from './rules.ts';

/** Rules that a list may have of each direction. https://docs.oracle.com/en-us/iaas/Content/Network/Concepts/securitylists.htm */
export const LIST_LIMIT = 200;

/** What those in a scope are to have in a list: these rules, and no others. */
export interface Claim {
  readonly scope: Scope;
  readonly wanted: readonly Wanted[];
}

export interface Wanted {
  readonly owner: Owner;
  readonly rule: Rule;
}

export interface ListRules {
  readonly ingress: readonly IngressRule[];
  readonly egress: readonly EgressRule[];
}

export interface Merged {
  /** What is to be written, by direction; undefined where nothing changes. */
  readonly ingress: readonly IngressRule[] | undefined;
  readonly egress: readonly EgressRule[] | undefined;
  /** For what there was no room. */
  readonly refused: readonly Wanted[];
}

/** @param claims at most one of each scope. */
export function merge(list: ListRules, claims: readonly Claim[]): Merged {
  const scopes = claims.map(({ scope }) => scope);
  const ingress = mergeRules(list.ingress, scopes, wantedOf(claims, 'ingress'), {
    contentOf: contentOfIngress,
    make: ingressRule,
  });
  const egress = mergeRules(list.egress, scopes, wantedOf(claims, 'egress'), {
    contentOf: contentOfEgress,
    make: egressRule,
  });
  const isLast = !ingress.isNamed && !egress.isNamed;
  return {
    ingress: isLast ? withoutMany(list.ingress, ingress) : ingress.changed,
    egress: isLast ? withoutMany(list.egress, egress) : egress.changed,
    refused: [...ingress.refused, ...egress.refused],
  };
}

/** The later of two claims of one scope is the one that counts. */
export function latest(claims: readonly Claim[]): readonly Claim[] {
  return [...new Map(claims.map((claim) => [scopeKey(claim.scope), claim])).values()];
}

/** A rule, and all who want it. */
export interface Asked {
  readonly rule: Rule;
  readonly owners: readonly Owner[];
}

/** What is wanted, once each, by its content. */
export function byContent(all: readonly Wanted[]): ReadonlyMap<string, Asked> {
  const wanted = new Map<string, { readonly rule: Rule; readonly owners: Owner[] }>();
  for (const { owner, rule } of all) {
    const content = contentOf(rule);
    const asked = wanted.get(content) ?? { rule, owners: [] };
    if (!asked.owners.includes(owner)) asked.owners.push(owner);
    wanted.set(content, asked);
  }
  return wanted;
}

function wantedOf(claims: readonly Claim[], direction: Direction): ReadonlyMap<string, Asked> {
  const all = claims.flatMap((claim) => claim.wanted);
  return byContent(all.filter(({ rule }) => rule.direction === direction));
}

interface Kind<R> {
  readonly contentOf: (rule: R) => string | undefined;
  readonly make: (rule: Rule, description: string) => R;
}

interface MergedRules<R> {
  /** Undefined: as they were. */
  readonly changed: readonly R[] | undefined;
  readonly refused: readonly Wanted[];
  /** Whether one of them tells its owners. */
  readonly isNamed: boolean;
  /** Contents of what was asked for now. */
  readonly wanted: ReadonlyMap<string, Asked>;
  readonly contentOf: (rule: R) => string | undefined;
}

function mergeRules<R extends { readonly description?: string }>(
  rules: readonly R[],
  scopes: readonly Scope[],
  wanted: ReadonlyMap<string, Asked>,
  { contentOf, make }: Kind<R>,
): MergedRules<R> {
  const kept: R[] = [];
  const there = new Set<string>();
  let isNamed = false;
  for (const rule of rules) {
    const content = contentOf(rule);
    const mark = parseMark(rule.description);
    // An owner is told on one rule only, also where somebody has made a copy.
    const owners = content === undefined || there.has(content) ? [] : (wanted.get(content)?.owners ?? []);
    const now = mark && revised(mark, scopes, owners);
    if (mark !== undefined && now === undefined) continue;
    if (content !== undefined) there.add(content);
    isNamed ||= now !== undefined && now.kind !== 'many';
    kept.push(now === undefined || isSame(rule, now) ? rule : { ...rule, description: printMark(now) });
  }
  const refused: Wanted[] = [];
  for (const [content, { rule, owners }] of wanted) {
    if (there.has(content)) continue;
    if (kept.length < LIST_LIMIT) kept.push(make(rule, printMark(markOf(owners))));
    else refused.push(...owners.map((owner) => ({ owner, rule })));
    isNamed = true;
  }
  const isChanged = kept.length !== rules.length || kept.some((rule, index) => rule !== rules[index]);
  return { changed: isChanged ? kept : undefined, refused, isNamed, wanted, contentOf };
}

/** Once nobody is left who is named, nobody is left of those who were too many to be named. */
function withoutMany<R extends { readonly description?: string }>(
  rules: readonly R[],
  { changed, wanted, contentOf }: MergedRules<R>,
): readonly R[] | undefined {
  const now = changed ?? rules;
  const kept = now.filter((rule) => parseMark(rule.description)?.kind !== 'many' || wanted.has(contentOf(rule) ?? ''));
  return kept.length === now.length ? changed : kept;
}

const isSame = (rule: { readonly description?: string }, mark: Mark): boolean => rule.description === printMark(mark);
