/**
 * Server-side apply: a client says what it wants of an object, the server remembers who wanted what.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
import type { AnyKind } from '../kinds.ts';
import type { KubeObject, ObjectMeta } from '../meta/v1.ts';
import { badRequest, type Cause, failure } from '../status.ts';
import { isMapping, sameValue } from '../value.ts';
import {
  type FieldPath,
  type FieldSet,
  fieldSet,
  fieldsOf,
  overlay,
  parseFields,
  pathText,
  printFields,
  valueAt,
  withoutFields,
} from './field-set.ts';

export type ManagedFields = NonNullable<ObjectMeta['managedFields']>[number];

export interface ApplyOptions {
  /** Who applies: the request's fieldManager. */
  readonly manager: string;
  /** Take over fields that other managers own. */
  readonly force: boolean;
  /** RFC 3339. */
  readonly time: string;
  readonly subresource?: string;
}

/** Most managers of one object that are remembered; the oldest are forgotten, which frees their fields. */
const MAX_MANAGERS = 32;
/** Fields of every object that nobody owns: they name it, or the server sets them. */
const UNOWNED = new Set(
  [
    '',
    'name',
    'generateName',
    'namespace',
    'uid',
    'resourceVersion',
    'generation',
    'creationTimestamp',
    'managedFields',
  ]
    .map((name) => ['f:metadata', ...(name === '' ? [] : [`f:${name}`])])
    .concat([['f:apiVersion'], ['f:kind']])
    .map(pathText),
);

/**
 * The object after an apply; `live` is undefined when it does not exist yet. The result keeps the live object's
 * resourceVersion; when nothing but the time of an entry would change, it is `live` itself. Throws an ApiError: Conflict
 * with a cause per field that another manager owns, unless forced.
 */
export function applyServerSide(
  kind: AnyKind,
  live: KubeObject | undefined,
  applied: unknown,
  options: ApplyOptions,
): KubeObject {
  if (!isMapping(applied)) throw badRequest('an apply patch is an object');
  if (options.manager === '')
    throw badRequest('PatchOptions.meta.k8s.io is invalid: fieldManager: Required value: is required for apply patch');
  const { node } = kind.schema;
  const wanted = fieldSet(fieldsOf(node, applied).filter(({ path }) => !isUnowned(path)));
  const entries = live?.metadata.managedFields ?? [];
  const own = entries.find((entry) => isOwn(entry, options));
  const others = entries.filter((entry) => entry !== own);
  const taken = live === undefined ? new Map<string, Conflict>() : conflicts(kind, live, wanted, others);
  if (taken.size > 0 && !options.force) throw conflictError(taken);

  const left = others.map((entry) => without(entry, taken));
  const stale = staleFields(own, wanted, left);
  const merged = withoutFields(node, overlay(node, live ?? {}, applied), stale);
  const changed =
    live === undefined || stale.length > 0 || taken.size > 0 || own === undefined || !sameOwned(own, wanted);
  const entry: ManagedFields = {
    manager: options.manager,
    operation: 'Apply',
    apiVersion: kind.apiVersion,
    time: changed ? options.time : (own?.time ?? options.time),
    fieldsType: 'FieldsV1',
    fieldsV1: printFields([...wanted.values()].map(({ path }) => path)),
    ...(options.subresource === undefined ? {} : { subresource: options.subresource }),
  };
  return withManagedFields(merged as KubeObject, [...left.filter(isUsed), entry].slice(-MAX_MANAGERS));
}

function isOwn(entry: ManagedFields, { manager, subresource }: ApplyOptions): boolean {
  return entry.manager === manager && entry.operation === 'Apply' && (entry.subresource ?? '') === (subresource ?? '');
}

/** A field that an apply would change and that another manager owns. */
interface Conflict {
  readonly path: FieldPath;
  readonly owner: string;
}

function conflicts(
  kind: AnyKind,
  live: KubeObject,
  wanted: FieldSet,
  others: readonly ManagedFields[],
): ReadonlyMap<string, Conflict> {
  const { node } = kind.schema;
  const before = fieldSet(fieldsOf(node, live));
  const found = new Map<string, Conflict>();
  for (const entry of others) {
    for (const path of parseFields(entry.fieldsV1)) {
      const text = pathText(path);
      const wish = wanted.get(text);
      if (wish === undefined) continue;
      const current = before.has(text) ? before.get(text)?.value : valueAt(node, live, path);
      if (current === undefined || sameValue(current, wish.value)) continue;
      found.set(text, { path, owner: entry.manager ?? '' });
    }
  }
  return found;
}

/** Fields that this manager applied before and now leaves out, that nobody else owns: they go. */
function staleFields(
  own: ManagedFields | undefined,
  wanted: FieldSet,
  others: readonly ManagedFields[],
): readonly FieldPath[] {
  const foreign = new Set(others.flatMap((entry) => parseFields(entry.fieldsV1)).map(pathText));
  return parseFields(own?.fieldsV1).filter((path) => !wanted.has(pathText(path)) && !foreign.has(pathText(path)));
}

function without(entry: ManagedFields, taken: ReadonlyMap<string, unknown>): ManagedFields {
  if (taken.size === 0) return entry;
  const left = parseFields(entry.fieldsV1).filter((path) => !taken.has(pathText(path)));
  return { ...entry, fieldsV1: printFields(left) };
}

function isUsed(entry: ManagedFields): boolean {
  return Object.keys(entry.fieldsV1 ?? {}).length > 0;
}

function sameOwned(own: ManagedFields, wanted: FieldSet): boolean {
  const before = new Set(parseFields(own.fieldsV1).map(pathText));
  return before.size === wanted.size && [...before].every((text) => wanted.has(text));
}

function withManagedFields(object: KubeObject, managedFields: readonly ManagedFields[]): KubeObject {
  return { ...object, metadata: { ...object.metadata, managedFields } };
}

function isUnowned(path: FieldPath): boolean {
  return UNOWNED.has(pathText(path)) || UNOWNED.has(pathText(path.slice(0, 2)));
}

function conflictError(taken: ReadonlyMap<string, Conflict>) {
  const causes = [...taken.values()].map(({ path, owner }) => ({
    field: printPath(path),
    reason: 'FieldManagerConflict',
    message: `conflict with ${JSON.stringify(owner)}`,
  }));
  const list = causes.map(({ field, message }) => `${message}: ${field}`).join('; ');
  const message = `Apply failed with ${causes.length} conflict${causes.length === 1 ? '' : 's'}: ${list}`;
  return failure(409, 'Conflict', message, { causes });
}

/** `.spec.ports[port=80,protocol="TCP"].targetPort`. */
function printPath(path: FieldPath): Cause['field'] {
  return path.map(printStep).join('');
}

function printStep(step: string): string {
  const rest = step.slice(2);
  if (step.startsWith('f:')) return `.${rest}`;
  if (step.startsWith('v:')) return `[=${rest}]`;
  return `[${rest.slice(1, -1).replace(/"([^"]*)":/g, '$1=')}]`;
}
