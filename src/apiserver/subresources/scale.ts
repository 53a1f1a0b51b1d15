/**
 * The `scale` subresource: how many replicas an object asks for, and has, whatever its kind. What is stored is the
 * object; its Scale is made from it. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definitions/#scale-subresource
 */
import { Scale } from '../../api/autoscaling/v1/scale.ts';
import type { ScaleSpec } from '../../api/kind.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { invalid, notFound } from '../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { parseBody } from '../http/body.ts';
import { change, targetOf } from '../storage/change.ts';
import { Stored } from '../storage/codec.ts';
import { checkVersion } from '../verbs/complete.ts';
import { type Decoded, decodeBody, decodeObject, reportDuplicates } from '../verbs/decode.ts';
import { get } from '../verbs/get.ts';
import { isDryRun, requiredName } from '../verbs/options.ts';
import { patchWith } from '../verbs/patch.ts';
import { replace } from '../verbs/update.ts';

export async function getScale(api: Api, request: ResourceRequest): Promise<Answer> {
  const found = await get(api, request);
  return found.kind === 'object' ? scaleAnswer(request, found.stored) : found;
}

export function updateScale(api: Api, request: ResourceRequest): Promise<Answer> {
  const given = decodeBody(asScale(request));
  return setScale(api, request, () => given);
}

/** Apply patches are refused: a Scale has no managed fields of its own. */
export function patchScale(api: Api, request: ResourceRequest): Promise<Answer> {
  const given = parseBody(request.body);
  const apply = patchWith(request.body.type);
  reportDuplicates(request, given);
  const scale = asScale(request);
  return setScale(api, request, (current) => decodeObject(scale, apply(scale, current, given.value)));
}

/** Writes the number of replicas that `next` makes of the present Scale, under the object's own rules. */
async function setScale(api: Api, request: ResourceRequest, next: (current: Scale) => Decoded): Promise<Answer> {
  const { kind } = request;
  const name = requiredName(request);
  const outcome = await change(api, targetOf(request, { kind, name, dryRun: isDryRun(request) }), (current) => {
    if (current === undefined) throw notFound(kind, name);
    const { object, causes } = next(scaleOf(request, current.object));
    const scale = object as Scale;
    checkVersion(kind, scale, current.object);
    const mistakes = [...causes, ...Scale.validate(scale, undefined)];
    if (mistakes.length > 0) throw invalid(Scale, name, mistakes);
    const wanted = specOf(request).withWanted(current.object, scale.spec?.replicas ?? 0);
    return replace(kind, { object: wanted, causes: [] }, current, 'object');
  });
  return scaleAnswer(request, outcome.stored);
}

function scaleAnswer(request: ResourceRequest, { key, modified, object }: Stored): Answer {
  return { kind: 'object', code: 200, of: Scale, stored: new Stored(key, modified, scaleOf(request, object)) };
}

function scaleOf(request: ResourceRequest, object: KubeObject): Scale {
  const { wanted, current, selector } = specOf(request);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const own = { name, namespace, uid, resourceVersion, creationTimestamp };
  const text = selector(object);
  return {
    kind: Scale.kind,
    apiVersion: Scale.apiVersion,
    metadata: Object.fromEntries(Object.entries(own).filter(([, value]) => value !== undefined)),
    spec: { replicas: wanted(object) },
    status: { replicas: current(object), ...(text === '' ? {} : { selector: text }) },
  };
}

/** The request as one about a Scale, for what reads its body. */
function asScale(request: ResourceRequest): ResourceRequest {
  return { ...request, kind: Scale };
}

function specOf({ kind }: ResourceRequest): ScaleSpec<KubeObject> {
  if (kind.scale === undefined) throw new Error(`${kind.plural} have no scale: the route to it should not exist`);
  return kind.scale;
}
