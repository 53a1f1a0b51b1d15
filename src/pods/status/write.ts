/** Writes statuses, only where they changed. */
import { isDeepStrictEqual } from 'node:util';
import type { Kind } from '../../api/kind.ts';
import { type KubeObject, keyOf } from '../../api/meta/v1.ts';
import { isConflict, isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';

/** Tries against a server whose object keeps changing. */
const ATTEMPTS = 5;

/**
 * Brings an object's status to what `desired` makes of it, and returns the object as it is then. `known` may be old: on a conflict
 * the present object is read. Undefined: it is gone, or is another of the same name.
 */
export async function writeStatus<T extends KubeObject & { readonly status?: unknown }>(
  client: Client,
  kind: Kind<T>,
  known: T,
  desired: (object: T) => NonNullable<T['status']>,
): Promise<T | undefined> {
  let object = known;
  for (let attempt = 1; ; attempt++) {
    const status = desired(object);
    if (isDeepStrictEqual(object.status, status)) return object;
    try {
      return await client.updateStatus(kind, { ...object, status });
    } catch (error) {
      if (isNotFound(error)) return undefined;
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    }
    const present = await find(client, kind, known);
    if (present === undefined) return undefined;
    object = present;
  }
}

async function find<T extends KubeObject>(client: Client, kind: Kind<T>, known: T): Promise<T | undefined> {
  try {
    const present = await client.get(kind, keyOf(known));
    return present.metadata.uid === known.metadata.uid ? present : undefined;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
