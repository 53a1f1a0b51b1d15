/** Lists in pages. https://docs.oracle.com/en-us/iaas/Content/API/Concepts/usingapi.htm#nine */

import { text } from './checks.ts';
import { invalid } from './failure.ts';
import type { Asked, PageSize, QueryParameter } from './operation.ts';

export const PAGE_QUERY = {
  limit: { check: text({ like: /^([1-9]\d{0,2}|1000)$/ }) },
  page: { check: text({ min: 1, max: 512 }) },
  sortBy: { check: text() },
  sortOrder: { check: text({ like: /^(ASC|DESC)$/ }) },
} satisfies Readonly<Record<string, QueryParameter>>;

/** The page that was asked for, and where the next one begins. Tokens say nothing to clients. */
export function paged<T>(
  items: readonly T[],
  { query }: Asked,
  size: PageSize,
): { items: readonly T[]; nextPage?: string } {
  const start = query['page'] === undefined ? 0 : readToken(query['page']);
  const end = start + Math.min(query['limit'] === undefined ? size : Number(query['limit']), size);
  const page = { items: items.slice(start, end) };
  return end < items.length ? { ...page, nextPage: Buffer.from(`from:${end}`).toString('base64url') } : page;
}

function readToken(token: string): number {
  const found = /^from:(\d+)$/.exec(Buffer.from(token, 'base64url').toString());
  if (found === null) throw invalid(`page ${token} was not given by this server`);
  return Number(found[1]);
}

/** Items whose fields are as the query says, where it says something. */
export function filtered<T extends object>(
  items: readonly T[],
  { query }: Asked,
  fields: readonly (keyof T & string)[],
): readonly T[] {
  return items.filter((item) => fields.every((field) => query[field] === undefined || item[field] === query[field]));
}
