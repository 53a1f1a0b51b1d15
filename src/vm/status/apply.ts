/** Writes statuses, only where they changed. */
import { isDeepStrictEqual } from 'node:util';
import type { Kind } from '../../api/kind.ts';
import { type KubeObject, keyOf } from '../../api/meta/v1.ts';
import { isConflict, isNotFound } from '../../api/status.ts';
import type { Client } from '../../client/client.ts';

/** Tries against a server whose object keeps changing. */
const ATTEMPTS = 5;

interface WithStatus extends KubeObject {
  readonly status?: unknown;
}

/**
 * Brings an object's status to what `desired` makes of it. `known` may be old: on a conflict the present object is read.
 * An object that is gone, or another of the same name, is left alone.
 */
export async function applyStatus<T extends WithStatus>(
  client: Client,
  kind: Kind<T>,
  known: T,
  desired: (object: T) => NonNullable<T['status']>,
): Promise<void> {
  let object = known;
  for (let attempt = 1; ; attempt++) {
    const status = desired(object);
    if (isDeepStrictEqual(object.status, status)) return;
    try {
      await client.updateStatus(kind, { ...object, status });
      return;
    } catch (error) {
      if (isNotFound(error)) return;
      if (!isConflict(error) || attempt === ATTEMPTS) throw error;
    }
    const present = await get(client, kind, known);
    if (present?.metadata.uid !== known.metadata.uid || present === undefined) return;
    object = present;
  }
}

/** The object as it is now; undefined when it is gone. */
export async function get<T extends KubeObject>(
  client: Client,
  kind: Kind<T>,
  known: KubeObject,
): Promise<T | undefined> {
  try {
    return await client.get(kind, keyOf(known));
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}
