/** Reads kinds that a server may lack, as one without their CustomResourceDefinitions does. */
import type { Kind } from '../api/kind.ts';
import type { KubeObject, ObjectKey } from '../api/meta/v1.ts';
import { isNotFound } from '../api/status.ts';
import type { Client, ListOptions } from './client.ts';

/** The object; undefined when there is none, or no such kind. */
export async function getAny<T extends KubeObject>(
  client: Client,
  kind: Kind<T>,
  key: ObjectKey,
): Promise<T | undefined> {
  return orNothing(client.get(kind, key), undefined);
}

/** The objects; none when there is no such kind. */
export async function listAny<T extends KubeObject>(
  client: Client,
  kind: Kind<T>,
  options: ListOptions = {},
): Promise<readonly T[]> {
  const { items } = await orNothing(client.list(kind, options), { items: [] });
  return items;
}

async function orNothing<T, N>(answer: Promise<T>, nothing: N): Promise<T | N> {
  try {
    return await answer;
  } catch (error) {
    if (isNotFound(error)) return nothing;
    throw error;
  }
}
