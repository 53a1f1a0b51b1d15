/** Every verb, by its name. */
import type { Answer } from '../answer.ts';
import type { Api, ResourceRequest, Verb } from '../context.ts';
import { reviewAccess, reviewLocalAccess, reviewRules, reviewSelfAccess } from '../subresources/access-reviews.ts';
import { bind } from '../subresources/binding.ts';
import { evict } from '../subresources/eviction.ts';
import { reviewSelf, reviewToken } from '../subresources/reviews.ts';
import { getScale, patchScale, updateScale } from '../subresources/scale.ts';
import { requestToken } from '../subresources/token-request.ts';
import { create } from './create.ts';
import { remove, removeCollection } from './delete.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { patch } from './patch.ts';
import { update } from './update.ts';
import { watch } from './watch.ts';

type Serve = (api: Api, request: ResourceRequest) => Promise<Answer>;

const VERBS: Readonly<Record<Verb, Serve>> = {
  create,
  get,
  list,
  watch,
  update,
  patch,
  delete: remove,
  deletecollection: removeCollection,
};

/** A Scale is made from the object it is of; all other subresources are parts of theirs. */
const SCALE_VERBS: Readonly<Partial<Record<Verb, Serve>>> = {
  get: getScale,
  update: updateScale,
  patch: patchScale,
};

/** What is sent to these is not kept: `RESOURCE`, or `RESOURCE/SUBRESOURCE`. */
const CALLS: Readonly<Record<string, Serve>> = {
  bindings: bind,
  'pods/binding': bind,
  'pods/eviction': evict,
  'serviceaccounts/token': requestToken,
  localsubjectaccessreviews: reviewLocalAccess,
  selfsubjectaccessreviews: reviewSelfAccess,
  selfsubjectreviews: reviewSelf,
  selfsubjectrulesreviews: reviewRules,
  subjectaccessreviews: reviewAccess,
  tokenreviews: reviewToken,
};

/** Carries out the verb of a request. Throws an ApiError. */
export function serve(api: Api, request: ResourceRequest): Promise<Answer> {
  return (callOf(request) ?? VERBS[request.verb])(api, request);
}

function callOf({ kind, subresource, verb }: ResourceRequest): Serve | undefined {
  if (subresource === 'scale') return SCALE_VERBS[verb];
  if (kind.called) return CALLS[kind.plural];
  return subresource === undefined ? undefined : CALLS[`${kind.plural}/${subresource}`];
}
