/** Lists that OCI answers in pages. https://docs.oracle.com/en-us/iaas/Content/API/Concepts/usingapi.htm */

interface Page<T> {
  readonly items: readonly T[];
  /** Where the next one starts; none, or empty, on the last. */
  readonly opcNextPage?: string | undefined;
}

const MOST_PAGES = 1000;

/** All items, of as many pages as there are; no more than `most` and the rest of that page. */
export async function allPages<T>(
  list: (from: { readonly page?: string }) => Promise<Page<T>>,
  most = 100_000,
): Promise<readonly T[]> {
  const all: T[] = [];
  let page: string | undefined;
  for (let count = 0; count < MOST_PAGES; count++) {
    const answer = await list(page === undefined ? {} : { page });
    all.push(...answer.items);
    page = answer.opcNextPage;
    if (!page || all.length >= most) break;
  }
  return all;
}
