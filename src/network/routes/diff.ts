/** What has to change in the kernel's routes. */
import type { Route } from './desired.ts';

export type RouteChange = { readonly kind: 'replace' | 'delete'; readonly route: Route };

/** Deletions first: a prefix may have moved to another node. */
export function diffRoutes(actual: readonly Route[], desired: readonly Route[]): readonly RouteChange[] {
  const wanted = new Set(desired.map((route) => route.destination));
  const present = new Map(actual.map((route) => [route.destination, route.via]));
  return [
    ...actual
      .filter((route) => !wanted.has(route.destination))
      .map((route): RouteChange => ({ kind: 'delete', route })),
    ...desired
      .filter((route) => present.get(route.destination) !== route.via)
      .map((route): RouteChange => ({ kind: 'replace', route })),
  ];
}
