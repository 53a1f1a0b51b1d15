/** What several kinds do alike before validation. */

/** A new object has no status: whoever carries it out writes one. */
export function withoutStatusOnCreate<T extends { readonly status?: unknown }>(object: T, old: T | undefined): T {
  if (old !== undefined || object.status === undefined) return object;
  const { status: _, ...rest } = object;
  // The status is optional in T, so what is left is a T.
  return rest as T;
}
