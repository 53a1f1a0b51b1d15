/** JSON merge patch. https://www.rfc-editor.org/rfc/rfc7386#section-2 */
import { badRequest } from '../status.ts';
import { isMapping, isTooDeep, MAX_DEPTH, type Mapping, ownValue } from '../value.ts';

/** The patched value; neither argument is changed. Throws an ApiError, BadRequest, when the patch nests too deep. */
export function applyMergePatch(target: unknown, patch: unknown): unknown {
  if (isTooDeep(patch)) throw badRequest(`the patch is nested more than ${MAX_DEPTH} levels deep`);
  return merge(target, patch);
}

function merge(target: unknown, patch: unknown): unknown {
  if (!isMapping(patch)) return patch;
  const base: Mapping = isMapping(target) ? target : {};
  const kept = Object.entries(base).filter(([key]) => !Object.hasOwn(patch, key));
  const changed = Object.entries(patch)
    .filter(([key, value]) => value !== null && key !== '__proto__')
    .map(([key, value]) => [key, merge(ownValue(base, key), value)] as const);
  return Object.fromEntries([...kept, ...changed]);
}
