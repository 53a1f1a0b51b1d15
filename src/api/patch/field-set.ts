/**
 * Sets of fields of an object, as managedFields keep them, and what can be done with an object's fields by their paths.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
import type { SchemaNode } from '../schema.ts';
import { isMapping, type Mapping, ownValue } from '../value.ts';

/**
 * One step towards a field, in the notation of fieldsV1: `f:NAME` a field, `k:{…}` the element of a keyed list with those
 * keys, `v:VALUE` an element of a set.
 */
export type Step = string;
export type FieldPath = readonly Step[];

/** A field that an object sets. The value of an element of a list is `true`: that it is there. */
export interface Field {
  readonly path: FieldPath;
  readonly value: unknown;
}
/** Fields by the text of their paths, for look-up. */
export type FieldSet = ReadonlyMap<string, Field>;

/** The text that stands for a path in a {@link FieldSet}. */
export const pathText = (path: FieldPath): string => path.join('\u0000');

export function fieldSet(fields: readonly Field[]): FieldSet {
  return new Map(fields.map((field) => [pathText(field.path), field] as const));
}

/** The fields that a value sets: its leaves, and the elements of its keyed lists and sets. */
export function fieldsOf(node: SchemaNode | undefined, value: unknown, at: FieldPath = []): readonly Field[] {
  if (isMapping(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, child]) =>
      fieldsOf(childSchema(node, key), child, [...at, `f:${key}`]),
    );
  }
  const listType = node?.['x-kubernetes-list-type'];
  if (!Array.isArray(value) || (listType !== 'map' && listType !== 'set')) return [{ path: at, value }];
  return value.flatMap((element: unknown) => {
    const path = [...at, stepTo(node, element)];
    const below = listType === 'map' ? fieldsOf(node?.items, element, path) : [];
    return [{ path, value: true }, ...below];
  });
}

/** The value of a field; undefined when the object does not set it. Looks through lists: not for many fields. */
export function valueAt(node: SchemaNode | undefined, value: unknown, [step, ...rest]: FieldPath): unknown {
  if (step === undefined) return value;
  if (step.startsWith('f:')) {
    const key = step.slice(2);
    return isMapping(value) ? valueAt(childSchema(node, key), ownValue(value, key), rest) : undefined;
  }
  const element: unknown = Array.isArray(value) ? value.find((item) => stepTo(node, item) === step) : undefined;
  return rest.length === 0 ? element !== undefined : valueAt(node?.items, element, rest);
}

/** The value without some of its fields. The argument is not changed. */
export function withoutFields(node: SchemaNode | undefined, value: unknown, paths: readonly FieldPath[]): unknown {
  const below = groupByStep(paths);
  const without = (child: unknown, schema: SchemaNode | undefined, step: Step): readonly unknown[] => {
    const rests = below.get(step);
    if (rests === undefined) return [child];
    return rests.some((rest) => rest.length === 0) ? [] : [withoutFields(schema, child, rests)];
  };
  if (Array.isArray(value)) {
    return value.flatMap((element: unknown) => without(element, node?.items, stepTo(node, element)));
  }
  if (!isMapping(value)) return value;
  const left = Object.entries(value).flatMap(([key, child]) =>
    without(child, childSchema(node, key), `f:${key}`).map((kept) => [key, kept] as const),
  );
  return Object.fromEntries(left);
}

/**
 * Lays what a client applies over the live object: mappings are merged, keyed lists by key, sets united, all else
 * replaced. Neither argument is changed.
 */
export function overlay(node: SchemaNode | undefined, live: unknown, applied: unknown): unknown {
  if (isMapping(applied) && isMapping(live)) {
    const merged = Object.entries(applied).map(
      ([key, value]) => [key, overlay(childSchema(node, key), ownValue(live, key), value)] as const,
    );
    return { ...live, ...Object.fromEntries(merged) };
  }
  if (!Array.isArray(applied) || !Array.isArray(live)) return applied;
  if (node?.['x-kubernetes-list-type'] === 'set') return [...new Set([...live, ...applied])];
  return node?.['x-kubernetes-list-type'] === 'map' ? overlayKeyed(node, live, applied) : applied;
}

/** Reads fieldsV1. What cannot be read counts as no field. */
export function parseFields(fields: unknown, at: FieldPath = []): readonly FieldPath[] {
  if (!isMapping(fields)) return [];
  const steps = Object.entries(fields);
  if (steps.length === 0) return at.length === 0 ? [] : [at];
  return steps.flatMap(([step, below]) => (step === '.' ? [at] : parseFields(below, [...at, step])));
}

/** The fieldsV1 of some fields. */
export function printFields(paths: readonly FieldPath[]): Mapping {
  const below = [...groupByStep(paths)].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(below.map(([step, rests]) => [step, printBelow(rests)] as const));
}

/** What stands below one step: nothing for a leaf; `.` where what has fields is itself one. */
function printBelow(rests: readonly FieldPath[]): Mapping {
  const deeper = rests.filter((rest) => rest.length > 0);
  if (deeper.length === 0) return {};
  return { ...(deeper.length < rests.length ? { '.': {} } : {}), ...printFields(deeper) };
}

function groupByStep(paths: readonly FieldPath[]): ReadonlyMap<Step, readonly FieldPath[]> {
  const groups = new Map<Step, FieldPath[]>();
  for (const [step, ...rest] of paths) {
    if (step === undefined) continue;
    const known = groups.get(step);
    if (known === undefined) groups.set(step, [rest]);
    else known.push(rest);
  }
  return groups;
}

function overlayKeyed(node: SchemaNode, live: readonly unknown[], applied: readonly unknown[]): readonly unknown[] {
  const byStep = new Map(applied.map((element) => [elementStep(node, element), element] as const));
  const known = new Set(live.map((element) => elementStep(node, element)));
  const merged = live.map((element) => {
    const change = byStep.get(elementStep(node, element));
    return change === undefined ? element : overlay(node.items, element, change);
  });
  return [...merged, ...applied.filter((element) => !known.has(elementStep(node, element)))];
}

/** The step to an element of a keyed list: its keys, absent ones by their default. */
function elementStep(node: SchemaNode, element: unknown): Step {
  const fields = isMapping(element) ? element : {};
  const keys = [...(node['x-kubernetes-list-map-keys'] ?? [])].sort();
  const values = keys.map((key) => [key, ownValue(fields, key) ?? node.items?.properties?.[key]?.default] as const);
  return `k:${JSON.stringify(Object.fromEntries(values.filter(([, value]) => value !== undefined)))}`;
}

/** The step to an element of any list: by its keys, or by its value. */
function stepTo(node: SchemaNode | undefined, element: unknown): Step {
  return node?.['x-kubernetes-list-type'] === 'map' ? elementStep(node, element) : `v:${JSON.stringify(element)}`;
}

function childSchema(node: SchemaNode | undefined, key: string): SchemaNode | undefined {
  if (node?.properties !== undefined && Object.hasOwn(node.properties, key)) return node.properties[key];
  return node?.additionalProperties;
}
