/** DELETE of one object or of a collection. */

import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { conflict, failure, notFound, qualified } from '../../api/status.ts';
import { printTime } from '../../api/time.ts';
import { type Answer, success } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { change, type Decision, type Outcome } from '../storage/change.ts';
import type { Stored } from '../storage/codec.ts';
import { type DeleteOptions, decodeDeleteOptions } from './delete-options.ts';
import { list } from './list.ts';
import { isDryRun, requiredName } from './options.ts';
import { isFinished } from './update.ts';

export async function remove(api: Api, request: ResourceRequest): Promise<Answer> {
  const { kind } = request;
  const name = requiredName(request);
  const outcome = await removeObject(api, request, name, decodeDeleteOptions(request));
  if (outcome.act === 'removed') return success(kind, name, outcome.stored.object.metadata.uid);
  return { kind: 'object', code: 200, of: kind, stored: outcome.stored };
}

/** Deletes each selected object by itself; those that are gone by then are as wanted. */
export async function removeCollection(api: Api, request: ResourceRequest): Promise<Answer> {
  const options = decodeDeleteOptions(request);
  const selected = await list(api, request);
  if (selected.kind !== 'list') throw new Error('a list answers with a list');
  for (const { object } of selected.items) {
    try {
      await removeObject(api, request, object.metadata.name ?? '', options);
    } catch (error) {
      if (!isGone(error)) throw error;
    }
  }
  return selected;
}

function isGone(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 404;
}

/** Deletes one object, or marks it as being deleted when somebody has to do something first. */
export async function removeObject(
  api: Api,
  request: Pick<ResourceRequest, 'verb' | 'kind' | 'namespace' | 'query'> &
    Partial<Pick<ResourceRequest, 'user' | 'subresource'>>,
  name: string,
  options: DeleteOptions,
): Promise<Outcome> {
  const { kind, namespace, user: by, subresource } = request;
  checkProtected(kind, name);
  const now = api.clock.now();
  const dryRun = isDryRun(request, options.dryRun);
  return change(api, { kind, namespace, name, dryRun, by, subresource }, (current) => {
    if (current === undefined) throw notFound(kind, name);
    return decideRemoval(kind, current, options, now);
  });
}

const PROTECTED_NAMESPACES = new Set(['default', 'kube-system', 'kube-public', 'kube-node-lease']);

function checkProtected(kind: AnyKind, name: string): void {
  if (kind.group !== '' || kind.kind !== 'Namespace' || !PROTECTED_NAMESPACES.has(name)) return;
  const text = `${qualified(kind)} "${name}" is forbidden: this namespace may not be deleted`;
  throw failure(403, 'Forbidden', text, { name, kind: kind.plural });
}

/** Pure: what a delete does to an object as it is. `now` is wall-clock milliseconds. */
function decideRemoval(kind: AnyKind, current: Stored, options: DeleteOptions, now: number): Decision {
  const { object } = current;
  checkPreconditions(kind, object, options);
  const next = marked(kind, object, options, now);
  if (isFinished(next)) return { act: 'remove' };
  return next === object ? { act: 'keep' } : { act: 'put', object: next };
}

function checkPreconditions(kind: AnyKind, { metadata }: KubeObject, { preconditions = {} }: DeleteOptions): void {
  const { uid, resourceVersion } = preconditions;
  const name = metadata.name ?? '';
  if (uid !== undefined && uid !== metadata.uid) {
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${metadata.uid}`);
  }
  if (resourceVersion !== undefined && resourceVersion !== metadata.resourceVersion) {
    const why = `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${metadata.resourceVersion}`;
    throw conflict(kind, name, why);
  }
}

/** The object as one that is being deleted; itself when that changes nothing. */
function marked(kind: AnyKind, object: KubeObject, options: DeleteOptions, now: number): KubeObject {
  const grace = graceOf(kind, object, options);
  const finalizers = finalizersOf(object, options);
  const { metadata } = object;
  const begun = metadata.deletionTimestamp !== undefined;
  // A second delete may only shorten the time that is left.
  const before = metadata.deletionGracePeriodSeconds ?? 0;
  if (begun && grace >= before && sameList(finalizers, metadata.finalizers ?? [])) return object;
  const seconds = begun ? Math.min(grace, before) : grace;
  const { finalizers: _, ...rest } = metadata;
  return terminating(kind, {
    ...object,
    metadata: {
      ...rest,
      // That it is to go changes what is wanted of it.
      ...(begun || metadata.generation === undefined ? {} : { generation: metadata.generation + 1 }),
      ...(finalizers.length === 0 ? {} : { finalizers }),
      deletionTimestamp:
        begun && seconds === before ? (metadata.deletionTimestamp ?? '') : printTime(now + seconds * 1000),
      deletionGracePeriodSeconds: seconds,
    },
  });
}

/** Seconds. Once an object is being deleted, only those who ask for it shorten its time. */
function graceOf(kind: AnyKind, object: KubeObject, { gracePeriodSeconds }: DeleteOptions): number {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0 } = object.metadata;
  if (deletionTimestamp !== undefined) return gracePeriodSeconds ?? deletionGracePeriodSeconds;
  const usual = kind.gracePeriod(object);
  return usual === undefined ? 0 : (gracePeriodSeconds ?? usual);
}

const ORPHAN = 'orphan';
const FOREGROUND = 'foregroundDeletion';

/** Who must act before the object goes. How dependents are treated is asked of the garbage collector by finalizer. */
function finalizersOf({ metadata }: KubeObject, { propagationPolicy }: DeleteOptions): readonly string[] {
  const given = metadata.finalizers ?? [];
  if (propagationPolicy === undefined) return given;
  const others = given.filter((finalizer) => finalizer !== ORPHAN && finalizer !== FOREGROUND);
  if (propagationPolicy === 'Orphan') return [...others, ORPHAN];
  return propagationPolicy === 'Foreground' ? [...others, FOREGROUND] : others;
}

/** A namespace says by its phase that nothing new may come into it. */
function terminating(kind: AnyKind, object: KubeObject): KubeObject {
  if (kind.group !== '' || kind.kind !== 'Namespace') return object;
  const { status } = object as KubeObject & { readonly status?: object };
  return { ...object, status: { ...status, phase: 'Terminating' } } as KubeObject;
}

function sameList(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
