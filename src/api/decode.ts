/**
 * From parsed JSON of unknown origin to an object of a kind: types and required fields are checked against the kind's
 * schema, what the schema does not know is dropped and named, nulls are treated as absent, all in one pass.
 */
import type { AnyKind } from './kinds.ts';
import type { SchemaNode } from './schema.ts';
import { type ApiError, badRequest, type Cause, invalid } from './status.ts';
import { describe, remedy } from './structure-messages.ts';
import { isMapping, MAX_DEPTH, type Mapping, ownValue } from './value.ts';

/** No answer names more mistakes than this; a hostile manifest could hold millions. */
const MAX_MISTAKES = 64;
const INT32 = { least: -(2 ** 31), most: 2 ** 31 - 1 };
const INT64 = { least: Number.MIN_SAFE_INTEGER, most: Number.MAX_SAFE_INTEGER };
// https://www.rfc-editor.org/rfc/rfc3339#section-5.6
const RFC3339 = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/;

// https://www.rfc-editor.org/rfc/rfc4648#section-4, with padding
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** What came of a check. */
export interface Structure {
  /** The value without nulls and without unknown fields; of the kind's shape when `causes` is empty. */
  readonly object: unknown;
  /** Wrong types, missing required fields, values outside an enumeration. */
  readonly causes: readonly Cause[];
  /** Paths of fields that the schema does not know. Whether they are refused, warned of or ignored is the request's choice. */
  readonly unknown: readonly string[];
}

interface Walk {
  readonly causes: Cause[];
  readonly unknown: string[];
}

/** Checks a whole object. apiVersion and kind are filled in when they are absent; whether they fit is the caller's check. */
export function checkStructure(kind: AnyKind, value: unknown): Structure {
  const named = isMapping(value) ? { apiVersion: kind.apiVersion, kind: kind.kind, metadata: {}, ...value } : value;
  return checkNode(kind.schema.node, named);
}

/** Checks any value against a schema node. `field` is the path that messages begin with. */
export function checkNode(node: SchemaNode, value: unknown, field = ''): Structure {
  const walk: Walk = { causes: [], unknown: [] };
  const object = check(node, value, field, MAX_DEPTH, walk);
  return { object, causes: walk.causes, unknown: walk.unknown };
}

/**
 * The answer to a malformed object: 400 when a value has the wrong type, so that nothing more can be said about it, else
 * 422. Undefined when there is nothing wrong.
 */
export function structureError(kind: AnyKind, name: string, causes: readonly Cause[]): ApiError | undefined {
  if (causes.length === 0) return undefined;
  if (!causes.some(({ reason }) => reason === 'FieldValueTypeInvalid')) return invalid(kind, name, causes);
  const list = causes.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).join('; ');
  const what = `${kind.kind} in version "${kind.version}" cannot be handled as a ${kind.kind}`;
  return badRequest(`${what}: ${list}`, causes);
}

/** How a warning or a strict error names an unknown field. */
export const unknownField = (field: string): string => `unknown field ${JSON.stringify(field)}`;
function check(node: SchemaNode, value: unknown, field: string, depth: number, walk: Walk): unknown {
  if (depth === 0) return wrong(walk, field, `nested more than ${MAX_DEPTH} levels deep: that is not allowed`);
  if (node['x-kubernetes-int-or-string']) return checkIntOrString(node, value, field, walk);
  switch (node.type) {
    case 'object':
      return isMapping(value) ? checkMapping(node, value, field, depth, walk) : mistyped(walk, node, value, field);
    case 'array':
      return Array.isArray(value) ? checkList(node, value, field, depth, walk) : mistyped(walk, node, value, field);
    case 'string':
      return typeof value === 'string' ? checkText(node, value, field, walk) : mistyped(walk, node, value, field);
    case 'boolean':
      return typeof value === 'boolean' ? value : mistyped(walk, node, value, field);
    case 'integer':
      return isInteger(node, value) ? value : mistyped(walk, node, value, field);
    case 'number':
      return typeof value === 'number' ? value : mistyped(walk, node, value, field);
    default:
      return keep(value, field, depth, walk);
  }
}

function checkMapping(node: SchemaNode, value: Mapping, field: string, depth: number, walk: Walk): Mapping {
  const result: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    const property = node.properties ? ownSchema(node.properties, key) : undefined;
    const path = join(field, key, node.additionalProperties !== undefined);
    if (property !== undefined) {
      if (!isAbsent(property, item)) result.push([key, check(property, item, path, depth - 1, walk)]);
    } else if (node.additionalProperties !== undefined) {
      // As encoding/json does: a null in a map of texts is the empty text.
      const known = item === null && node.additionalProperties.type === 'string' ? '' : item;
      result.push([key, check(node.additionalProperties, known, path, depth - 1, walk)]);
    } else if (node['x-kubernetes-preserve-unknown-fields'] && key !== '__proto__') {
      result.push([key, keep(item, path, depth - 1, walk)]);
    } else if (walk.unknown.length < MAX_MISTAKES) {
      walk.unknown.push(path);
    }
  }
  for (const name of node.required ?? []) {
    const given = ownValue(value, name);
    if (given !== undefined && given !== null) continue;
    const absent = node.properties?.[name]?.default;
    if (absent !== undefined) result.push([name, absent]);
    else {
      add(walk, { field: join(field, name, false), reason: 'FieldValueRequired', message: 'Required value' });
    }
  }
  return Object.fromEntries(result);
}

/** A null, and the empty text where one of a set of words is due, say nothing, as in most of Kubernetes' Go types. */
function isAbsent(property: SchemaNode, value: unknown): boolean {
  const isEmpty = value === '' && property.enum !== undefined && property.minLength === undefined;
  return value === null || value === undefined || isEmpty;
}

function checkList(node: SchemaNode, value: readonly unknown[], field: string, depth: number, walk: Walk): unknown {
  const { items } = node;
  if (items === undefined) return keep(value, field, depth, walk);
  return value.map((item, i) => check(items, item, `${field}[${i}]`, depth - 1, walk));
}

function checkText(node: SchemaNode, value: string, field: string, walk: Walk): unknown {
  if (node.enum !== undefined && !node.enum.includes(value)) {
    const supported = [...node.enum].sort().map((text) => JSON.stringify(text));
    const message = `Unsupported value: ${JSON.stringify(value.slice(0, 128))}: supported values: ${supported.join(', ')}`;
    add(walk, { field, reason: 'FieldValueNotSupported', message });
  }
  if (node.format === 'date-time' && (!RFC3339.test(value) || Number.isNaN(Date.parse(value)))) {
    return wrong(walk, field, `found ${describe(value)}; ${field} is a time as in RFC 3339: 2006-01-02T15:04:05Z`);
  }
  return node.format === 'byte' ? checkBase64(value, field, walk) : value;
}

/** In the one form that there is for the same bytes. What was found is not told again: it may be a secret. */
function checkBase64(value: string, field: string, walk: Walk): unknown {
  const text = value.replaceAll(/[\r\n]/g, '');
  if (BASE64.test(text)) return Buffer.from(text, 'base64').toString('base64');
  return wrong(walk, field, `found text that is not base64; ${field} is bytes in base64: encode it with base64 -w0`);
}

function checkIntOrString(node: SchemaNode, value: unknown, field: string, walk: Walk): unknown {
  return typeof value === 'string' || typeof value === 'number' ? value : mistyped(walk, node, value, field);
}

function isInteger(node: SchemaNode, value: unknown): value is number {
  const { least, most } = node.format === 'int64' ? INT64 : INT32;
  return typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most;
}

/** A value of any shape, as it came, but bounded in depth and without keys that could name a prototype. */
function keep(value: unknown, field: string, depth: number, walk: Walk): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return wrong(walk, field, `nested more than ${MAX_DEPTH} levels deep: that is not allowed`);
  if (Array.isArray(value)) return value.map((item, i) => keep(item, `${field}[${i}]`, depth - 1, walk));
  const entries = Object.entries(value).filter(([key]) => key !== '__proto__');
  return Object.fromEntries(
    entries.map(([key, item]) => [key, keep(item, join(field, key, false), depth - 1, walk)] as const),
  );
}

function mistyped(walk: Walk, node: SchemaNode, value: unknown, field: string): undefined {
  return wrong(walk, field, `found ${describe(value)}; ${remedy(node, value, field)}`);
}

function wrong(walk: Walk, field: string, message: string): undefined {
  return add(walk, { field, reason: 'FieldValueTypeInvalid', message });
}

function add(walk: Walk, cause: Cause): undefined {
  if (walk.causes.length < MAX_MISTAKES) walk.causes.push(cause);
}

/** `spec.ports`, or `metadata.labels[app]` for a key that the author chose. */
function join(field: string, key: string, chosen: boolean): string {
  const short = key.length > 256 ? `${key.slice(0, 256)}…` : key;
  if (chosen) return `${field}[${short}]`;
  return field === '' ? short : `${field}.${short}`;
}

function ownSchema(properties: Readonly<Record<string, SchemaNode>>, key: string): SchemaNode | undefined {
  return Object.hasOwn(properties, key) ? properties[key] : undefined;
}
