/** The lists of a strategic merge patch: sets of scalars, and lists of objects told apart by a key. */
import type { SchemaNode } from '../schema.ts';
import { badRequest } from '../status.ts';
import { isMapping, type Mapping, ownValue, sameValue } from '../value.ts';

/** Most elements of a list that a patch may hold: merging compares each with each. */
const MAX_ELEMENTS = 10_000;

interface KeyedMerge {
  /** Schema of the list. */
  readonly node: SchemaNode | undefined;
  /** The field that tells elements apart. */
  readonly key: string;
  readonly target: readonly unknown[];
  readonly patch: readonly unknown[];
  readonly mergeMapping: (node: SchemaNode | undefined, target: Mapping, patch: Mapping) => Mapping;
}

/** The target's elements, and those of the patch that it lacks. */
export function mergeSet(target: readonly unknown[], patch: readonly unknown[]): readonly unknown[] {
  return [...new Set([...target, ...patch])];
}

/** Elements of the patch change the target's elements of the same key in place; new ones come last. */
export function mergeKeyedList({ node, key, target, patch, mergeMapping }: KeyedMerge): readonly unknown[] {
  if (patch.length > MAX_ELEMENTS) throw badRequest(`a list of the patch has more than ${MAX_ELEMENTS} elements`);
  const elements = patch.map((element) => checkElement(element));
  const replaces = elements.some(
    (element) => ownValue(element, '$patch') === 'replace' && ownValue(element, key) === undefined,
  );
  const result: unknown[] = replaces ? [] : [...target];
  const byKey = indexByKey(result, key);
  for (const element of elements) {
    const id = ownValue(element, key);
    const directive = ownValue(element, '$patch');
    if (id === undefined && directive === 'replace') continue;
    if (id === undefined)
      throw badRequest(`an element of the patch lacks ${JSON.stringify(key)}, by which the list is merged`);
    const places = narrowed(node, byKey.get(id) ?? [], result, element);
    if (directive === 'delete') for (const place of places) result[place] = undefined;
    else if (places[0] === undefined) push(byKey, id, result.push(mergeMapping(node?.items, {}, element)) - 1);
    else result[places[0]] = mergeMapping(node?.items, result[places[0]] as Mapping, element);
  }
  return result.filter((element) => element !== undefined);
}

/**
 * The order that a client asked for by `$setElementOrder`: its elements in its order; elements that only the server knows
 * stay before those that they stood before.
 */
export function orderList(
  current: readonly unknown[],
  order: readonly unknown[],
  key: string | undefined,
): readonly unknown[] {
  const idOf = (element: unknown) => (key !== undefined && isMapping(element) ? ownValue(element, key) : element);
  const wanted = new Map(order.map((element, i) => [idOf(element), i] as const));
  const rank = (element: unknown) => wanted.get(idOf(element)) ?? -1;
  const place = new Map(current.map((element, i) => [element, i] as const));
  const listed = current.filter((element) => rank(element) >= 0).sort((a, b) => rank(a) - rank(b));
  const others = current.filter((element) => rank(element) < 0);
  const result: unknown[] = [];
  for (const element of listed) {
    while (others.length > 0 && (place.get(others[0]) ?? 0) < (place.get(element) ?? 0)) result.push(others.shift());
    result.push(element);
  }
  return [...result, ...others];
}

/**
 * Several elements can share the merge key, as two ports of one number and two protocols do; the other keys of the list,
 * where the patch gives them, then decide.
 */
function narrowed(
  node: SchemaNode | undefined,
  places: readonly number[],
  elements: readonly unknown[],
  element: Mapping,
): readonly number[] {
  const alive = places.filter((place) => elements[place] !== undefined);
  if (alive.length < 2) return alive;
  const keys = (node?.['x-kubernetes-list-map-keys'] ?? []).filter((key) => Object.hasOwn(element, key));
  const exact = alive.filter((place) => {
    const candidate = elements[place];
    return isMapping(candidate) && keys.every((key) => sameValue(ownValue(candidate, key), element[key]));
  });
  return exact.length > 0 || keys.length > 1 ? exact : alive;
}

function indexByKey(elements: readonly unknown[], key: string): Map<unknown, number[]> {
  const index = new Map<unknown, number[]>();
  elements.forEach((element, place) => {
    if (isMapping(element)) push(index, ownValue(element, key), place);
  });
  return index;
}

function push(index: Map<unknown, number[]>, id: unknown, place: number): void {
  const places = index.get(id);
  if (places === undefined) index.set(id, [place]);
  else places.push(place);
}

function checkElement(element: unknown): Mapping {
  if (!isMapping(element)) throw badRequest('an element of a list that is merged by key must be an object');
  return element;
}
