/** Every verb, by its name. */
import type { Answer } from '../answer.ts';
import type { Api, ResourceRequest, Verb } from '../context.ts';
import { create } from './create.ts';
import { remove, removeCollection } from './delete.ts';
import { get } from './get.ts';
import { list } from './list.ts';
import { patch } from './patch.ts';
import { update } from './update.ts';
import { watch } from './watch.ts';

export const VERBS: Readonly<Record<Verb, (api: Api, request: ResourceRequest) => Promise<Answer>>> = {
  create,
  get,
  list,
  watch,
  update,
  patch,
  delete: remove,
  deletecollection: removeCollection,
};
