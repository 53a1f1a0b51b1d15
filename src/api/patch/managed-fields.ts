/**
 * Who set which fields of an object, as far as it is remembered: from its first server-side apply on. What was there
 * before belongs then to `kubectl-client-side-apply`, as far as kubectl applied it, and to `before-first-apply`.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
import { checkStructure } from '../decode.ts';
import type { AnyKind } from '../kinds.ts';
import type { KubeObject, ObjectMeta } from '../meta/v1.ts';
import { isMapping, sameValue } from '../value.ts';
import {
  type Field,
  type FieldPath,
  type FieldSet,
  fieldSet,
  fieldsOf,
  parseFields,
  pathText,
  printFields,
} from './field-set.ts';

export type ManagedFields = NonNullable<ObjectMeta['managedFields']>[number];

/** Who changes an object, and how. */
export interface Manager {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly subresource?: string;
}

/** Most managers of one object that are remembered; the oldest are forgotten, which frees their fields. */
const MAX_MANAGERS = 32;
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
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

/** The fields of an object that somebody can own. */
export function ownableFields(kind: AnyKind, object: unknown): FieldSet {
  return fieldSet(
    fieldsOf(kind.schema.node, object).filter(({ path, value }) => value !== undefined && !isUnowned(path)),
  );
}

export function isEntryOf(entry: ManagedFields, { manager, operation, subresource = '' }: Manager): boolean {
  return entry.manager === manager && entry.operation === operation && (entry.subresource ?? '') === subresource;
}

/** The entry of a manager. `time` is RFC 3339. */
export function entryOf(kind: AnyKind, by: Manager, time: string, paths: readonly FieldPath[]): ManagedFields {
  return { ...by, apiVersion: kind.apiVersion, time, fieldsType: 'FieldsV1', fieldsV1: printFields(paths) };
}

/** An entry without some fields, given by the texts of their paths. */
export function withoutPaths(
  entry: ManagedFields,
  gone: { has(path: string): boolean; readonly size: number },
): ManagedFields {
  if (gone.size === 0) return entry;
  const left = parseFields(entry.fieldsV1).filter((path) => !gone.has(pathText(path)));
  return { ...entry, fieldsV1: printFields(left) };
}

/** The object with those entries that own something, the oldest left out when there are too many. */
export function withManagedFields(object: KubeObject, entries: readonly ManagedFields[]): KubeObject {
  return { ...object, metadata: { ...object.metadata, managedFields: entries.slice(-MAX_MANAGERS) } };
}

export function ownsAny({ fieldsV1 }: ManagedFields): boolean {
  return isMapping(fieldsV1) && Object.keys(fieldsV1).length > 0;
}

/** The entries of an object that is about to be applied to. */
export function entriesBeforeApply(
  kind: AnyKind,
  live: KubeObject | undefined,
  time: string,
): readonly ManagedFields[] {
  const known = live?.metadata.managedFields ?? [];
  if (live === undefined || known.length > 0) return known;
  const applied = clientSideApplied(kind, live);
  const all = [...ownableFields(kind, live).values()];
  const isApplied = ({ path }: Field) => applied.has(pathText(path));
  const of = (manager: string, fields: readonly Field[]) =>
    fields.length === 0
      ? []
      : [
          entryOf(
            kind,
            { manager, operation: 'Update' },
            time,
            fields.map(({ path }) => path),
          ),
        ];
  return [
    ...of('kubectl-client-side-apply', all.filter(isApplied)),
    ...of(
      'before-first-apply',
      all.filter((field) => !isApplied(field)),
    ),
  ];
}

/** The fields that kubectl applied, as it noted on the object, and that are still as it did; and the note itself. */
export function clientSideApplied(kind: AnyKind, live: KubeObject): ReadonlySet<string> {
  const note = live.metadata.annotations?.[LAST_APPLIED];
  if (note === undefined) return new Set();
  const now = ownableFields(kind, live);
  const applied = [...ownableFields(kind, parsedNote(kind, note))];
  const unchanged = applied.filter(([text, { value }]) => now.has(text) && sameValue(now.get(text)?.value, value));
  const ownPath = pathText(['f:metadata', 'f:annotations', `f:${LAST_APPLIED}`]);
  return new Set([ownPath, ...unchanged.map(([text]) => text)]);
}

/** Anybody can write the note, and anything. */
function parsedNote(kind: AnyKind, note: string): unknown {
  try {
    const { object, causes } = checkStructure(kind, JSON.parse(note) as unknown);
    return causes.length === 0 && isMapping(object) ? object : {};
  } catch {
    // Not from kubectl, then: it says nothing of who applied what.
    return {};
  }
}

/**
 * `next`, which replaces `live` by a write that is no apply, with the fields that it changes owned by who writes. Of an
 * object that was never applied to nothing is remembered.
 */
export function trackUpdate(
  kind: AnyKind,
  live: KubeObject,
  next: KubeObject,
  { time, ...by }: Omit<Manager, 'operation'> & { readonly time: string },
): KubeObject {
  const entries = next.metadata.managedFields ?? [];
  if (entries.length === 0) return next;
  const before = ownableFields(kind, live);
  const after = ownableFields(kind, next);
  const lost = [...before.keys()].filter((text) => !after.has(text));
  const set = [...after].filter(([text, { value }]) => {
    const isKept = before.has(text) && sameValue(before.get(text)?.value, value);
    // What is left when the last field of a mapping goes is nothing that anybody set.
    return !isKept && !lost.some((path) => path.startsWith(`${text}\u0000`));
  });
  if (set.length + lost.length === 0) return next;
  const manager: Manager = { ...by, operation: 'Update' };
  const gone = new Set([...lost, ...set.map(([text]) => text)]);
  const left = entries.map((entry) => withoutPaths(entry, gone));
  const own = left.find((entry) => isEntryOf(entry, manager));
  const owned = [...parseFields(own?.fieldsV1), ...set.map(([, { path }]) => path)];
  const others = left.filter((entry) => entry !== own);
  return withManagedFields(next, [...others, entryOf(kind, manager, time, owned)].filter(ownsAny));
}

function isUnowned(path: FieldPath): boolean {
  return UNOWNED.has(pathText(path)) || UNOWNED.has(pathText(path.slice(0, 2)));
}
