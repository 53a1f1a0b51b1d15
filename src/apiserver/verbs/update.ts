/** PUT of one object, or of its status or finalize subresource. */
import type { AnyKind } from '../../api/kinds.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { notFound } from '../../api/status.ts';
import { sameValue } from '../../api/value.ts';
import type { Answer } from '../answer.ts';
import { attemptOf } from '../auth/attempt.ts';
import { authorize } from '../auth/authorize.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { change, type Decision, targetOf } from '../storage/change.ts';
import type { Stored } from '../storage/codec.ts';
import { completeChange, completeNew, type Part } from './complete.ts';
import { birthOf } from './create.ts';
import { type Decoded, decodeBody } from './decode.ts';
import { isDryRun, requiredName } from './options.ts';
import { tracked } from './track.ts';

export async function update(api: Api, request: ResourceRequest): Promise<Answer> {
  const { kind } = request;
  const name = requiredName(request);
  const given = decodeBody(request);
  const outcome = await change(api, targetOf(request, { kind, name, dryRun: isDryRun(request) }), (current) => {
    if (current === undefined) return make(api, request, given);
    return tracked(api, request, current, replace(kind, given, current, partOf(request)));
  });
  const code = outcome.act === 'put' && outcome.created ? 201 : 200;
  return { kind: 'object', code, of: kind, stored: outcome.stored };
}

/** What is not there is made, of the kinds for which Kubernetes does so, unless the request is about something that was. */
function make(api: Api, request: ResourceRequest, { object, causes }: Decoded): Decision {
  const { kind, subresource } = request;
  const { resourceVersion = '', uid = '' } = object.metadata;
  if (!kind.createOnUpdate || subresource !== undefined || resourceVersion !== '' || uid !== '') {
    throw notFound(kind, requiredName(request));
  }
  allowCreate(api, request);
  return { act: 'put', object: completeNew(kind, object, birthOf(api), causes) };
}

const PARTS: readonly Part[] = ['status', 'finalize', 'approval'];

/** Throws an ApiError, 403, unless the user may make what is not there: the request was allowed as a change. */
export function allowCreate({ access }: Api, request: ResourceRequest): void {
  const refused = authorize(access, request.user, attemptOf('create', request));
  if (refused !== undefined) throw refused;
}

export function partOf({ subresource }: ResourceRequest): Part {
  return PARTS.find((part) => part === subresource) ?? 'object';
}

/** What to do so that `given` replaces `current`: nothing when it is the same, and the end of what only waited for it. */
export function replace(kind: AnyKind, given: Decoded, current: Stored, part: Part): Decision {
  const next = completeChange(kind, given.object, current.object, part, given.causes);
  if (isFinished(next)) return { act: 'remove' };
  return sameObject(next, current.object) ? { act: 'keep' } : { act: 'put', object: next };
}

/** Whether an object that is being deleted has nothing left to wait for. */
export function isFinished(object: KubeObject & { readonly spec?: unknown }): boolean {
  const { deletionTimestamp, deletionGracePeriodSeconds = 0, finalizers = [] } = object.metadata;
  return (
    deletionTimestamp !== undefined &&
    deletionGracePeriodSeconds === 0 &&
    finalizers.length === 0 &&
    contentFinalizers(object).length === 0
  );
}

/** A namespace's `spec.finalizers`, which say that it has not been emptied. */
function contentFinalizers(object: KubeObject & { readonly spec?: unknown }): readonly unknown[] {
  if (object.apiVersion !== 'v1' || object.kind !== 'Namespace') return [];
  const spec = object.spec as { readonly finalizers?: readonly unknown[] } | undefined;
  return spec?.finalizers ?? [];
}

function sameObject(next: KubeObject, old: KubeObject): boolean {
  return sameValue(JSON.parse(JSON.stringify(next)), old);
}
