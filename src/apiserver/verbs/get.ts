/** GET of one object. */
import { notFound } from '../../api/status.ts';
import type { Answer } from '../answer.ts';
import type { Api, ResourceRequest } from '../context.ts';
import { objectKey } from '../storage/keys.ts';
import { requiredName } from './options.ts';

/** The newest state, which satisfies every `resourceVersion` that a get can ask for. */
export async function get(api: Api, request: ResourceRequest): Promise<Answer> {
  const { kind, namespace } = request;
  const name = requiredName(request);
  const entry = await api.store.get(objectKey(kind, namespace, name));
  if (entry === undefined) throw notFound(kind, name);
  return { kind: 'object', code: 200, of: kind, stored: api.codec.decode(entry) };
}
