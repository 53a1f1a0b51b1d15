/** Every verb, by its name. */
import type { Answer } from '../answer.ts';
import type { Api, ResourceRequest, Verb } from '../context.ts';
import { getScale, patchScale, updateScale } from '../subresources/scale.ts';
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

/** Carries out the verb of a request. Throws an ApiError. */
export function serve(api: Api, request: ResourceRequest): Promise<Answer> {
  const own = request.subresource === 'scale' ? SCALE_VERBS[request.verb] : undefined;
  return (own ?? VERBS[request.verb])(api, request);
}
