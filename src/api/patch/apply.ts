/**
 * Server-side apply: a client says what it wants of an object, the server remembers who wanted what.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/
 */
import type { AnyKind } from '../kinds.ts';
import type { KubeObject } from '../meta/v1.ts';
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
  valueAt,
  withoutFields,
} from './field-set.ts';
import {
  clientSideApplied,
  entriesBeforeApply,
  entryOf,
  isEntryOf,
  type ManagedFields,
  type Manager,
  ownableFields,
  ownsAny,
  withManagedFields,
  withoutPaths,
} from './managed-fields.ts';

export interface ApplyOptions {
  /** Who applies: the request's fieldManager. */
  readonly manager: string;
  /** Take over fields that other managers own. */
  readonly force: boolean;
  /** RFC 3339. */
  readonly time: string;
  readonly subresource?: string;
}

/** Who kubectl says that it is when it applies. */
const KUBECTL = 'kubectl';

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
  const by: Manager = { manager: options.manager, operation: 'Apply', ...subresourceOf(options) };
  const wanted = ownableFields(kind, applied);
  const entries = entriesBeforeApply(kind, live, options.time);
  const own = entries.find((entry) => isEntryOf(entry, by));
  const others = entries.filter((entry) => entry !== own);
  const taken = live === undefined ? new Map<string, Conflict>() : conflicts(kind, live, wanted, others);
  const refused = options.force || live === undefined ? [] : unresolved(kind, live, taken, options);
  if (refused.length > 0) throw conflictError(refused);

  const left = others.map((entry) => withoutPaths(entry, taken));
  const stale = staleFields(own, wanted, left);
  const merged = withoutFields(node, overlay(node, live ?? {}, applied), stale);
  const changed =
    live === undefined || stale.length > 0 || taken.size > 0 || own === undefined || !sameOwned(own, wanted);
  const time = changed ? options.time : (own?.time ?? options.time);
  const entry = entryOf(
    kind,
    by,
    time,
    [...wanted.values()].map(({ path }) => path),
  );
  return withManagedFields(merged as KubeObject, [...left.filter(ownsAny), entry]);
}

function subresourceOf({ subresource }: ApplyOptions): Pick<Manager, 'subresource'> {
  return subresource === undefined ? {} : { subresource };
}

/** The conflicts that stay: whoever applied with kubectl before may go on doing so on the server. */
function unresolved(
  kind: AnyKind,
  live: KubeObject,
  taken: ReadonlyMap<string, Conflict>,
  { manager }: ApplyOptions,
): readonly Conflict[] {
  if (manager !== KUBECTL || taken.size === 0) return [...taken.values()];
  const applied = clientSideApplied(kind, live);
  return [...taken].filter(([text]) => !applied.has(text)).map(([, conflict]) => conflict);
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

function sameOwned(own: ManagedFields, wanted: FieldSet): boolean {
  const before = new Set(parseFields(own.fieldsV1).map(pathText));
  return before.size === wanted.size && [...before].every((text) => wanted.has(text));
}

function conflictError(taken: readonly Conflict[]) {
  const causes = taken.map(({ path, owner }) => ({
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
