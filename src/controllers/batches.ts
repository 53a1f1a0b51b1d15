/** Doing the same to many objects, without asking in vain as often as there are objects. */

/**
 * Works on one item, then two at the same time, then four and so on, and stops when one fails: what is refused once
 * would be refused as often as there are items. Returns the first failure; undefined when all is done.
 */
export async function inGrowingBatches<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<{ readonly error: unknown } | undefined> {
  for (let done = 0, size = 1; done < items.length; done += size, size *= 2) {
    const results = await Promise.allSettled(items.slice(done, done + size).map(work));
    const failed = results.find((result) => result.status === 'rejected');
    if (failed !== undefined) return { error: failed.reason };
  }
  return undefined;
}
