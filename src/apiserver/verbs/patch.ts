/** PATCH of one object or its status: JSON patch, merge patch, strategic merge patch, and server-side apply. */
import type { KubeObject } from '../../api/meta/v1.ts';
import { applyServerSide } from '../../api/patch/apply.ts';
import { applyJsonPatch } from '../../api/patch/json.ts';
import { applyMergePatch } from '../../api/patch/merge.ts';
import { applyStrategicPatch } from '../../api/patch/strategic.ts';
import { badRequest, failure, notFound } from '../../api/status.ts';
import { printTime } from '../../api/time.ts';
import type { Answer } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { type Parsed, parseBody } from '../http/body.ts';
import { isTrue } from '../http/route.ts';
import { change, type Decision, targetOf } from '../storage/change.ts';
import type { Stored } from '../storage/codec.ts';
import { completeNew } from './complete.ts';
import { birthOf } from './create.ts';
import { decodeObject, decodePart, reportDuplicates } from './decode.ts';
import { isDryRun, requiredName } from './options.ts';
import { tracked } from './track.ts';
import { allowCreate, partOf, replace } from './update.ts';

const APPLY = 'application/apply-patch+yaml';

/** Makes a new object of the old one, and does not change that. */
type ApplyPatch = (request: ResourceRequest, object: KubeObject, patch: unknown) => unknown;

const PATCHES: Readonly<Record<string, ApplyPatch>> = {
  'application/json-patch+json': (_, object, patch) => applyJsonPatch(object, patch),
  'application/merge-patch+json': (_, object, patch) => applyMergePatch(object, patch),
  'application/strategic-merge-patch+json': ({ kind }, object, patch) =>
    applyStrategicPatch(kind.schema.node, object, patch),
};

/** How a patch of a media type is applied. Throws an ApiError, 415, for one that is none of these and none of `others`. */
export function patchWith(type: string, others: readonly string[] = []): ApplyPatch {
  const apply = Object.hasOwn(PATCHES, type) ? PATCHES[type] : undefined;
  if (apply !== undefined) return apply;
  const known = [...Object.keys(PATCHES), ...others].join(', ');
  const text = `the body of the request was in an unknown format - accepted media types include: ${known}`;
  throw failure(415, 'UnsupportedMediaType', text);
}

export async function patch(api: Api, request: ResourceRequest): Promise<Answer> {
  const { kind, body } = request;
  const name = requiredName(request);
  const given = parseBody(body);
  const decide = body.type === APPLY ? applier(api, request, given) : patcher(api, request, given);
  const outcome = await change(api, targetOf(request, { kind, name, dryRun: isDryRun(request) }), decide);
  const code = outcome.act === 'put' && outcome.created ? 201 : 200;
  return { kind: 'object', code, of: kind, stored: outcome.stored };
}

type Decide = (current: Stored | undefined) => Decision;

function patcher(api: Api, request: ResourceRequest, given: Parsed): Decide {
  const { kind, body } = request;
  const apply = patchWith(body.type, [APPLY]);
  reportDuplicates(request, given);
  return (current) => {
    if (current === undefined) throw notFound(kind, requiredName(request));
    const patched = decodeObject(request, apply(request, current.object, given.value));
    return tracked(api, request, current, replace(kind, patched, current, partOf(request)));
  };
}

function applier(api: Api, request: ResourceRequest, given: Parsed): Decide {
  const { kind, query, subresource } = request;
  // Checked as an object first, so that mistakes are told as they stand in what was applied.
  const applied = decodePart(request, given);
  const options = {
    manager: query.get('fieldManager') ?? '',
    force: query.has('force') && isTrue(query.get('force')),
    time: printTime(api.clock.now()),
    ...(subresource === undefined ? {} : { subresource }),
  };
  if (applied.metadata.managedFields !== undefined) throw badRequest('metadata.managedFields must be nil');
  return (current) => {
    const result = decodeObject(request, applyServerSide(kind, current?.object, applied, options));
    if (current !== undefined) return replace(kind, result, current, partOf(request));
    if (subresource !== undefined) throw notFound(kind, requiredName(request));
    allowCreate(api, request);
    return { act: 'put', object: completeNew(kind, result.object, birthOf(api), result.causes) };
  };
}
