/** Builders for tests: an object of a kind that a test need only say what matters of. */
import { checkStructure } from './decode.ts';
import type { Kind } from './kind.ts';
import type { KubeObject } from './meta/v1.ts';
import { validateObject } from './meta/validation.ts';

/**
 * The fields of a manifest as an object that the server would store: decoded, defaulted, prepared. Named `a`, in the
 * namespace `n`, where it says nothing else. Throws when the manifest is malformed.
 */
export function admitted<T extends KubeObject>(kind: Kind<T>, manifest: object, old?: T): T {
  const given = manifest as { metadata?: object };
  const metadata = { name: 'a', ...(kind.namespaced ? { namespace: 'n' } : {}), ...given.metadata };
  const { object, causes, unknown } = checkStructure(kind, { ...manifest, metadata });
  if (causes.length > 0 || unknown.length > 0) throw new Error(JSON.stringify({ causes, unknown }));
  return JSON.parse(JSON.stringify(kind.prepare(kind.defaults(object as T), old))) as T;
}

/** What is wrong with a manifest, as `field: message`; as a change of `old` where that is given. */
export function mistakesOf<T extends KubeObject>(kind: Kind<T>, manifest: object, old?: T): readonly string[] {
  return validateObject(kind, admitted(kind, manifest, old), old).map(({ field, message }) => `${field}: ${message}`);
}
