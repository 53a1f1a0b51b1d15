/**
 * The middle of every write: defaults, what clients may not set, validation, generation. Pure.
 * https://github.com/kubernetes/community/blob/master/contributors/devel/sig-architecture/api-conventions.md
 */
import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject, ObjectMeta } from '../../api/meta/v1.ts';
import { validateObject } from '../../api/meta/validation.ts';
import { badRequest, type Cause, conflict, invalid } from '../../api/status.ts';
import { metadataWithStatus } from '../../api/status-write.ts';
import { sameValue } from '../../api/value.ts';

/** An object with a `status`, seen by code that knows no kind. */
type WithStatus = KubeObject & { readonly status?: unknown; readonly spec?: unknown };

export interface Birth {
  readonly uid: string;
  /** RFC 3339, whole seconds. */
  readonly time: string;
}

/**
 * A new object as it will be stored, but for what admissions add. Throws an ApiError, 422, with every mistake, those that
 * are known already among them.
 */
export function completeNew(kind: AnyKind, object: KubeObject, birth: Birth, known: readonly Cause[] = []): KubeObject {
  const { resourceVersion, deletionTimestamp, deletionGracePeriodSeconds, selfLink, generation, ...metadata } =
    object.metadata;
  if (resourceVersion !== undefined && resourceVersion !== '' && resourceVersion !== '0') {
    throw badRequest('resourceVersion should not be set on objects to be created');
  }
  const born = {
    ...object,
    metadata: {
      ...metadata,
      uid: birth.uid,
      creationTimestamp: birth.time,
      ...(kind.generation ? { generation: 1 } : {}),
    },
  };
  return validated(kind, kind.prepare(kind.defaults(born), undefined), undefined, about('object', kind, known));
}

/** What part of the object a write is about. */
export type Part = 'object' | 'status' | 'finalize' | 'approval';

/**
 * An object as it will replace `old`. Throws an ApiError: 409 when `given` is of another version or another object, 422
 * with every mistake.
 */
export function completeChange(
  kind: AnyKind,
  given: KubeObject,
  old: KubeObject,
  part: Part,
  known: readonly Cause[] = [],
): KubeObject {
  checkVersion(kind, given, old);
  switch (part) {
    case 'status':
      return validated(
        kind,
        kind.prepare(kind.defaults(withStatusOf(kind, given, old)), old),
        old,
        about(part, kind, known),
      );
    case 'approval':
      return completeChange(kind, withConditionsOf(given, old), old, 'status', known);
    case 'finalize':
      return { ...old, spec: (given as WithStatus).spec } as KubeObject;
    case 'object': {
      const next = kind.prepare(
        kind.defaults({ ...statusOf(kind, given, old), metadata: metadataOf(given, old) }),
        old,
      );
      return validated(kind, kind.generation ? withGeneration(next, old) : next, old, about(part, kind, known));
    }
  }
}

/** Throws an ApiError, 409, when `given` is meant for another version of the object, or another object of its name. */
export function checkVersion(kind: AnyKind, given: KubeObject, old: KubeObject): void {
  const { resourceVersion, uid } = given.metadata;
  const name = old.metadata.name ?? '';
  if (resourceVersion && resourceVersion !== '0' && resourceVersion !== old.metadata.resourceVersion) {
    const why = 'the object has been modified; please apply your changes to the latest version and try again';
    throw conflict(kind, name, why);
  }
  if (uid && uid !== old.metadata.uid) {
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
    );
  }
}

/** Only the status is of the request, and what goes with it; managedFields too, as they say who set it. */
function withStatusOf(kind: AnyKind, given: WithStatus, old: WithStatus): KubeObject {
  const { status: _, ...rest } = old;
  const { managedFields = old.metadata.managedFields } = given.metadata;
  const metadata = metadataWithStatus(kind, given.metadata, old.metadata);
  return {
    ...rest,
    metadata: { ...metadata, ...(managedFields === undefined ? {} : { managedFields }) },
    ...(given.status === undefined ? {} : { status: given.status }),
  } as KubeObject;
}

/** Only the conditions are of the request. */
function withConditionsOf(given: WithStatus, old: WithStatus): KubeObject {
  const { conditions } = (given.status ?? {}) as { readonly conditions?: unknown };
  return { ...given, status: { ...(old.status as object | undefined), conditions } } as KubeObject;
}

/** Ordinary writes leave the status as it is. */
function statusOf(kind: AnyKind, given: WithStatus, old: WithStatus): KubeObject {
  if (!kind.status) return given;
  const { status: _, ...rest } = given;
  return (old.status === undefined ? rest : { ...rest, status: old.status }) as KubeObject;
}

/** The request's metadata, with what belongs to the server as it was. */
function metadataOf(given: KubeObject, old: KubeObject): ObjectMeta {
  const { uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds } =
    old.metadata;
  const owned = { uid, resourceVersion, generation, creationTimestamp, deletionTimestamp, deletionGracePeriodSeconds };
  const kept = Object.fromEntries(Object.entries(owned).filter(([, value]) => value !== undefined));
  const {
    selfLink: _,
    deletionTimestamp: __,
    deletionGracePeriodSeconds: ___,
    generation: ____,
    ...metadata
  } = given.metadata;
  return {
    ...metadata,
    ...(given.metadata.managedFields === undefined && old.metadata.managedFields !== undefined
      ? { managedFields: old.metadata.managedFields }
      : {}),
    ...(old.metadata.generateName === undefined ? {} : { generateName: old.metadata.generateName }),
    ...kept,
  };
}

/** The generation counts changes of what is wanted: everything but metadata and status. */
function withGeneration(next: KubeObject, old: KubeObject): KubeObject {
  if (sameValue(wanted(next), wanted(old))) return next;
  return { ...next, metadata: { ...next.metadata, generation: (old.metadata.generation ?? 0) + 1 } };
}

function wanted(object: WithStatus): unknown {
  const { metadata: _, status: __, ...rest } = object;
  // Fields that are there and undefined are not there in JSON.
  return JSON.parse(JSON.stringify(rest)) as unknown;
}

/** Mistakes in what a write is about: a status that is left as it is may say what it likes. */
function about(part: Part, kind: AnyKind, causes: readonly Cause[]): readonly Cause[] {
  if (!kind.status) return causes;
  return causes.filter(({ field }) => /^status\b/.test(field) === (part === 'status'));
}

function validated(kind: AnyKind, next: KubeObject, old: KubeObject | undefined, known: readonly Cause[]): KubeObject {
  const causes = [...known, ...validateObject(kind, next, old)];
  if (causes.length > 0) throw invalid(kind, next.metadata.name ?? '', causes);
  return next;
}
