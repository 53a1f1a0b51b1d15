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

/** The target's elements, and those of the patch that it lacks; in the order of {@link orderList}. */
export function mergeSet(target: readonly unknown[], patch: readonly unknown[]): readonly unknown[] {
  return orderList({ merged: [...new Set([...target, ...patch])], before: target, order: patch, key: undefined });
}

/** Elements of the patch change the target's elements of the same key; the result is in the order of {@link orderList}. */
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
  const merged = result.filter((element) => element !== undefined);
  return orderList({ merged, before: target, order: elements, key });
}

interface Order {
  readonly merged: readonly unknown[];
  /** The list as it was before the patch. */
  readonly before: readonly unknown[];
  /** The patch's elements, or what it asks for by `$setElementOrder`. */
  readonly order: readonly unknown[];
  /** The field that tells elements apart; undefined where they are scalars. */
  readonly key: string | undefined;
}

/**
 * The merged list as a strategic merge patch orders it: elements of `order` in that order, and of the others each before
 * those that it stood before. So an element that is new comes ahead of those that the patch does not mention.
 */
export function orderList({ merged, before, order, key }: Order): readonly unknown[] {
  const idOf = (element: unknown) => (key !== undefined && isMapping(element) ? ownValue(element, key) : element);
  const placesIn = (list: readonly unknown[]) => new Map(list.map((element, i) => [idOf(element), i] as const));
  const wanted = placesIn(order);
  const stood = placesIn(before);
  const rank = (element: unknown) => wanted.get(idOf(element)) ?? -1;
  const place = (element: unknown) => stood.get(idOf(element)) ?? -1;
  const listed = merged.filter((element) => rank(element) >= 0).sort((a, b) => rank(a) - rank(b));
  const others = merged.filter((element) => rank(element) < 0);
  const result: unknown[] = [];
  let next = 0;
  for (const element of listed) {
    while (next < others.length && place(others[next]) < place(element)) result.push(others[next++]);
    result.push(element);
  }
  return [...result, ...others.slice(next)];
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
