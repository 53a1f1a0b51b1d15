/** How many endpoints each zone should be given. Pure. Follows Kubernetes' topology cache. */

/** No endpoint should carry more than this much beyond its fair share of the traffic. */
const OVERLOAD = 0.2;

/** How many endpoints a zone is given: fewer than the minimum would be overloaded. */
export interface Allocation {
  readonly minimum: number;
  readonly desired: number;
  readonly maximum: number;
}

/** A number of endpoints for each zone. */
export type Counts = Map<string, number>;

/** What each zone is to be given of `endpoints`, by the zones' shares; or why that cannot be, in Kubernetes' words. */
export function allocate(
  shares: ReadonlyMap<string, number>,
  endpoints: number,
): ReadonlyMap<string, Allocation> | string {
  const numbers = `(${endpoints} endpoints, ${shares.size} zones)`;
  if (shares.size > endpoints) return `Insufficient number of endpoints ${numbers}`;
  const wanted = [...shares].map(([zone, share]) => {
    const desired = share * endpoints;
    const minimum = Math.ceil(desired / (1 + OVERLOAD));
    return { zone, minimum, desired: Math.max(desired, minimum) };
  });
  const spare = endpoints - wanted.reduce((sum, { minimum }) => sum + minimum, 0);
  if (spare < 0) return `Minimum allocation of required endpoints exceeds available endpoints ${numbers}`;
  return new Map(wanted.map(({ zone, minimum, desired }) => [zone, { minimum, desired, maximum: minimum + spare }]));
}

/** From zones with too many endpoints to zones with too few: how many whole ones each gives, and receives. */
export function transfers(
  allocations: ReadonlyMap<string, Allocation>,
  counts: Counts,
): { readonly giving: Counts; readonly receiving: Counts } {
  const surplus: Counts = new Map();
  const shortage: Counts = new Map();
  for (const [zone, { desired }] of allocations) {
    const over = (counts.get(zone) ?? 0) - desired;
    if (over > 0) surplus.set(zone, over);
    else if (over < 0) shortage.set(zone, -over);
  }
  const giving: Counts = new Map();
  const receiving: Counts = new Map();
  for (;;) {
    const from = most(surplus);
    const to = most(shortage);
    // Half an endpoint on one side is worth moving for a whole one on the other.
    if (from === undefined || to === undefined || Math.min(from[1], to[1]) < 0.5 || Math.max(from[1], to[1]) < 1) break;
    move(surplus, giving, from);
    move(shortage, receiving, to);
  }
  return { giving, receiving };
}

function move(rest: Counts, moved: Counts, [zone, left]: readonly [string, number]): void {
  rest.set(zone, left - 1);
  moved.set(zone, (moved.get(zone) ?? 0) + 1);
}

/** The zone with the most; of several the first. */
function most(counts: Counts): readonly [string, number] | undefined {
  let best: readonly [string, number] | undefined;
  for (const entry of counts) if (best === undefined || entry[1] > best[1]) best = entry;
  return best;
}
