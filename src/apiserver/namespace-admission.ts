/** Nothing comes into a namespace that does not exist or is going away. */
import { Namespace } from '../api/core/v1/namespace.ts';
import { failure, notFound, qualified } from '../api/status.ts';
import type { Store } from '../store/store.ts';
import type { Admission, Admitted, Settlement, Write } from './admission.ts';
import type { Codec } from './storage/codec.ts';
import { objectKey } from './storage/keys.ts';
import { LastRead } from './storage/last-read.ts';

/** So many namespaces are kept: all but those of very large clusters. */
const KEPT_MAX = 1024;

/**
 * Checks a new object's namespace, and makes the write depend on its staying as it is: so a namespace that has been
 * found empty while terminating stays empty.
 */
export function namespaceAdmission(store: Store, codec: Codec): Admission {
  const namespaces = new LastRead(store, KEPT_MAX);
  return {
    async admit({ kind, old, next, isTrusting }: Write): Promise<Admitted> {
      const nothing = { next, compares: [], operations: [] };
      if (!kind.namespaced || old !== undefined || next === undefined) return nothing;
      const name = next.metadata.namespace ?? '';
      const key = objectKey(Namespace, undefined, name);
      const kept = isTrusting ? namespaces.get(key) : undefined;
      const entry = kept ?? (name === '' ? undefined : await namespaces.read(key));
      if (entry === undefined) throw notFound(Namespace, name);
      const { metadata } = codec.decode(entry).object;
      if (metadata.deletionTimestamp !== undefined) throw terminating({ kind, old, next }, name);
      return { ...nothing, compares: [{ key, modified: entry.modified }] };
    },
    settled: (outcome: Settlement) => namespaces.settled(outcome),
  };
}

function terminating({ kind, next }: Write, namespace: string) {
  const name = next?.metadata.name ?? '';
  const why = `unable to create new content in namespace ${namespace} because it is being terminated`;
  return failure(403, 'Forbidden', `${qualified(kind)} "${name}" is forbidden: ${why}`, {
    name,
    kind: kind.plural,
    ...(kind.group === '' ? {} : { group: kind.group }),
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  });
}
