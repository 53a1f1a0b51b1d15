/**
 * Strategic merge patch: a merge patch that knows, from the schema, which lists are maps by key or sets.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md
 */
import type { SchemaNode } from '../schema.ts';
import { badRequest } from '../status.ts';
import { isMapping, isTooDeep, MAX_DEPTH, type Mapping, ownValue } from '../value.ts';
import { mergeKeyedList, mergeSet, orderList } from './strategic-list.ts';

const DIRECTIVE = '$patch';
const RETAIN_KEYS = '$retainKeys';
const ELEMENT_ORDER = '$setElementOrder/';
const DELETE_FROM_LIST = '$deleteFromPrimitiveList/';

/**
 * The patched value; neither argument is changed. `node` is the schema of the target: fields it does not know are merged
 * as by a JSON merge patch. Throws an ApiError, BadRequest, when the patch contradicts the schema or itself.
 */
export function applyStrategicPatch(node: SchemaNode | undefined, target: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) throw badRequest('a strategic merge patch is an object');
  if (isTooDeep(patch)) throw badRequest(`the patch is nested more than ${MAX_DEPTH} levels deep`);
  return mergeMapping(node, isMapping(target) ? target : {}, patch);
}

/** Merges one object. Called again for the elements of keyed lists. */
export function mergeMapping(node: SchemaNode | undefined, target: Mapping, patch: Mapping): Mapping {
  const directive = ownValue(patch, DIRECTIVE);
  if (directive === 'replace') return withoutDirectives(patch) as Mapping;
  if (directive === 'delete') return {};
  if (directive !== undefined && directive !== 'merge') throw badRequest(`unknown patch directive: ${text(directive)}`);

  const result = new Map(Object.entries(retained(target, patch)));
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith('$') || key === '__proto__') continue;
    if (value === null) result.delete(key);
    else result.set(key, mergeField(propertyOf(node, key), result.get(key), value));
  }
  applyListDirectives(node, target, patch, result);
  return Object.fromEntries(result);
}

function mergeField(node: SchemaNode | undefined, target: unknown, patch: unknown): unknown {
  const merges = node?.['x-kubernetes-patch-strategy']?.includes('merge') ?? false;
  if (isMapping(patch)) {
    const base = isMapping(target) && node?.['x-kubernetes-patch-strategy'] !== 'replace' ? target : {};
    return mergeMapping(node, base, patch);
  }
  if (!Array.isArray(patch)) return patch;
  if (!merges) return withoutDirectives(patch);
  const base: readonly unknown[] = Array.isArray(target) ? target : [];
  const key = node?.['x-kubernetes-patch-merge-key'];
  return key === undefined ? mergeSet(base, patch) : mergeKeyedList({ node, key, target: base, patch, mergeMapping });
}

/** With `$retainKeys`, what is left of the target: unions such as a deployment's strategy change kind this way. */
function retained(target: Mapping, patch: Mapping): Mapping {
  const keys = ownValue(patch, RETAIN_KEYS);
  if (keys === undefined) return target;
  if (!Array.isArray(keys)) throw badRequest(`${RETAIN_KEYS} must be a list of field names`);
  const names = new Set<unknown>(keys);
  const extra = Object.keys(patch).find((key) => !key.startsWith('$') && patch[key] !== null && !names.has(key));
  if (extra !== undefined)
    throw badRequest(`${RETAIN_KEYS} must name every field of the patch; ${text(extra)} is missing`);
  return Object.fromEntries(Object.entries(target).filter(([key]) => names.has(key)));
}

/** Deletions first: the order is applied to what they leave, whichever comes first in the patch. */
function applyListDirectives(
  node: SchemaNode | undefined,
  target: Mapping,
  patch: Mapping,
  result: Map<string, unknown>,
): void {
  changeLists(patch, DELETE_FROM_LIST, result, (current, values) => {
    const gone = new Set(values);
    return current.filter((item) => !gone.has(item));
  });
  changeLists(patch, ELEMENT_ORDER, result, (merged, order, name) => {
    const before = ownValue(target, name);
    const key = propertyOf(node, name)?.['x-kubernetes-patch-merge-key'];
    return orderList({ merged, before: Array.isArray(before) ? before : [], order, key });
  });
}

type ListChange = (current: readonly unknown[], values: readonly unknown[], key: string) => readonly unknown[];

/** Carries out the directives that begin with `prefix`, on the lists that they name. */
function changeLists(patch: Mapping, prefix: string, result: Map<string, unknown>, change: ListChange): void {
  for (const [name, values] of Object.entries(patch)) {
    if (!name.startsWith(prefix)) continue;
    if (!Array.isArray(values)) throw badRequest(`${text(name)} must be a list`);
    const key = name.slice(prefix.length);
    const current = result.get(key);
    if (Array.isArray(current)) result.set(key, change(current, values, key));
  }
}

/** A value that is new to the target: nulls delete nothing there, directives have nothing to direct. */
function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.filter((item) => !(isMapping(item) && item[DIRECTIVE] === 'delete')).map(withoutDirectives);
  }
  if (!isMapping(value)) return value;
  const entries = Object.entries(value).filter(
    ([key, item]) => item !== null && !key.startsWith('$') && key !== '__proto__',
  );
  return Object.fromEntries(entries.map(([key, item]) => [key, withoutDirectives(item)] as const));
}

function propertyOf(node: SchemaNode | undefined, key: string): SchemaNode | undefined {
  if (node?.properties !== undefined && Object.hasOwn(node.properties, key)) return node.properties[key];
  return node?.additionalProperties;
}

function text(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 128);
}
