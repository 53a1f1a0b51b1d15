/**
 * Sets of fields of an object, as managedFields keep them, and what can be done with an object's fields by their paths.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
import type { SchemaNode } from '../schema.ts';
import { isMapping, type Mapping, ownValue, sameValue } from '../value.ts';

/**
 * One step towards a field, in the notation of fieldsV1: `f:NAME` a field, `k:{…}` the element of a keyed list with those
 * keys, `v:VALUE` an element of a set.
 */
export type Step = string;
export type FieldPath = readonly Step[];
/** Paths by their text, for look-up. */
export type FieldSet = ReadonlyMap<string, FieldPath>;

/** The text that stands for a path in a {@link FieldSet}. */
export const pathText = (path: FieldPath): string => path.join('\u0000');

export function fieldSet(paths: Iterable<FieldPath>): FieldSet {
  return new Map([...paths].map((path) => [pathText(path), path] as const));
}

/** The fields that a value sets: its leaves, and the elements of its keyed lists. */
export function fieldsOf(node: SchemaNode | undefined, value: unknown, at: FieldPath = []): readonly FieldPath[] {
  if (isMapping(value) && Object.keys(value).length > 0) {
    return Object.entries(value).flatMap(([key, child]) =>
      fieldsOf(childSchema(node, key), child, [...at, `f:${key}`]),
    );
  }
  if (Array.isArray(value) && node?.['x-kubernetes-list-type'] === 'map') {
    return value.flatMap((element) => {
      const path = [...at, elementStep(node, element)];
      return [path, ...fieldsOf(node.items, element, path)];
    });
  }
  if (Array.isArray(value) && node?.['x-kubernetes-list-type'] === 'set') {
    return value.map((element) => [...at, `v:${JSON.stringify(element)}`]);
  }
  return [at];
}

/** The value of a field; undefined when the object does not set it. */
export function valueAt(node: SchemaNode | undefined, value: unknown, [step, ...rest]: FieldPath): unknown {
  if (step === undefined) return value;
  if (step.startsWith('f:')) {
    const key = step.slice(2);
    return isMapping(value) ? valueAt(childSchema(node, key), ownValue(value, key), rest) : undefined;
  }
  const element = Array.isArray(value) ? value.find((item) => isElement(node, item, step)) : undefined;
  return valueAt(node?.items, element, rest);
}

/** The value without a field. The argument is not changed. */
export function withoutField(node: SchemaNode | undefined, value: unknown, [step, ...rest]: FieldPath): unknown {
  if (step === undefined) return undefined;
  if (step.startsWith('f:')) return isMapping(value) ? withoutKey(node, value, step.slice(2), rest) : value;
  if (!Array.isArray(value)) return value;
  if (rest.length === 0) return value.filter((item) => !isElement(node, item, step));
  return value.map((item) => (isElement(node, item, step) ? withoutField(node?.items, item, rest) : item));
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

/** The fieldsV1 of a set. */
export function printFields(fields: FieldSet): Mapping {
  return printTree([...fields.values()]);
}

function printTree(paths: readonly FieldPath[]): Mapping {
  const below = new Map<Step, FieldPath[]>();
  for (const [step, ...rest] of paths) {
    const known = below.get(step ?? '.');
    if (known === undefined) below.set(step ?? '.', [rest]);
    else known.push(rest);
  }
  if (below.size === 1 && below.has('.')) return {};
  const sorted = [...below].sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(sorted.map(([step, rest]) => [step, step === '.' ? {} : printTree(rest)] as const));
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

function withoutKey(node: SchemaNode | undefined, value: Mapping, key: string, rest: FieldPath): Mapping {
  if (!Object.hasOwn(value, key)) return value;
  const { [key]: child, ...others } = value;
  return rest.length === 0 ? others : { ...value, [key]: withoutField(childSchema(node, key), child, rest) };
}

/** The step to an element of a keyed list: its keys, absent ones by their default. */
function elementStep(node: SchemaNode, element: unknown): Step {
  const fields = isMapping(element) ? element : {};
  const keys = [...(node['x-kubernetes-list-map-keys'] ?? [])].sort();
  const values = keys.map((key) => [key, ownValue(fields, key) ?? node.items?.properties?.[key]?.default] as const);
  return `k:${JSON.stringify(Object.fromEntries(values.filter(([, value]) => value !== undefined)))}`;
}

function isElement(node: SchemaNode | undefined, element: unknown, step: Step): boolean {
  if (step.startsWith('k:')) return node !== undefined && elementStep(node, element) === step;
  return step === `v:${JSON.stringify(element)}`;
}

function childSchema(node: SchemaNode | undefined, key: string): SchemaNode | undefined {
  if (node?.properties !== undefined && Object.hasOwn(node.properties, key)) return node.properties[key];
  return node?.additionalProperties;
}

/** Whether a field has the same value in two objects. */
export function sameAt(node: SchemaNode | undefined, a: unknown, b: unknown, path: FieldPath): boolean {
  return sameValue(valueAt(node, a, path), valueAt(node, b, path));
}
