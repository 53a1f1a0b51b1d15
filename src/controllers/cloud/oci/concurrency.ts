/** Many questions, a few at a time. */

/** The results in the order of the items; rejects as soon as one fails, and starts no more. */
export async function mapLimited<T, R>(
  items: readonly T[],
  atOnce: number,
  map: (item: T) => Promise<R>,
): Promise<readonly R[]> {
  const results: R[] = [];
  const queue = items.entries();
  let isFailed = false;
  const work = async () => {
    for (const [index, item] of queue) {
      if (isFailed) return;
      results[index] = await map(item);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(atOnce, items.length) }, work));
  } catch (error) {
    isFailed = true;
    throw error;
  }
  return results;
}
