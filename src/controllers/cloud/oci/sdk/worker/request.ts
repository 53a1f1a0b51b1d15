/** Requests as this version of the SDK needs them to come out right. */

/**
 * The SDK (2.139.1) writes the values of queries as they are, so that a `+` or `&` in a page's token or a name is something else
 * to OCI. Reads of lists are the calls that have such; OCIDs, and what else goes into their paths, stay the same by this.
 */
export function sdkRequest(operation: string, request: unknown): unknown {
  if (!operation.startsWith('list') || typeof request !== 'object' || request === null) return request;
  return Object.fromEntries(
    Object.entries(request).map(([name, value]) => [
      name,
      typeof value === 'string' ? encodeURIComponent(value) : value,
    ]),
  );
}
