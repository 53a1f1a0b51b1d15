/**
 * Asks a pod to go: `pods/NAME/eviction`, which `kubectl drain` uses. Nothing holds an eviction back, as there are no budgets.
 * https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/
 */
import { Pod } from '../../api/core/v1/pod.ts';
import { Eviction } from '../../api/policy/v1/eviction.ts';
import { type Answer, success } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { removeObject } from '../verbs/delete.ts';
import { readDeleteOptions } from '../verbs/delete-options.ts';
import { requiredName } from '../verbs/options.ts';
import { received } from './called.ts';

/** Deletes a pod, as it is asked for. Throws what a delete throws. */
export async function evict(api: Api, request: ResourceRequest): Promise<Answer> {
  const { deleteOptions = {} } = received<Eviction>(request, Eviction);
  const name = requiredName(request);
  const options = readDeleteOptions(request, deleteOptions);
  await removeObject(api, { ...request, kind: Pod }, name, options);
  return success(Pod, name, undefined, 201);
}
