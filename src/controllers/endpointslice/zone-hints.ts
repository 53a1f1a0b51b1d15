/**
 * Hints for `service.kubernetes.io/topology-mode: Auto`: every zone is given as many of a Service's endpoints as it has
 * of the cluster's CPU, its own first. Pure. Follows Kubernetes' topology cache.
 * https://kubernetes.io/docs/concepts/services-networking/topology-aware-routing/
 */
import type { Endpoint, EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { equal } from '../equal.ts';
import type { DesiredSlices } from './desired.ts';
import { type NewSlice, rewritten, type SliceChanges } from './diff.ts';
import { type Allocation, allocate, type Counts, transfers } from './zone-allocation.ts';
import type { ZoneShares } from './zone-shares.ts';

type Family = EndpointSlice['addressType'];
type Slice = Pick<EndpointSlice, 'endpoints'>;

/** Whether endpoints of a family have hints, or why not, in Kubernetes' words. */
export type HintOutcome =
  | { readonly kind: 'enabled'; readonly addressType: Family }
  | { readonly kind: 'disabled'; readonly addressType: Family; readonly why: string };

export interface HintedChanges {
  readonly changes: SliceChanges;
  readonly outcomes: readonly HintOutcome[];
}

/** The changes with the hints of all families; `actual` are the slices that they change. */
export function withZoneHints(
  desired: DesiredSlices,
  changes: SliceChanges,
  actual: readonly EndpointSlice[],
  shares: ZoneShares,
): HintedChanges {
  const touched = new Set([...changes.update, ...changes.remove].map(({ metadata }) => metadata.name));
  const unchanged = actual.filter(
    ({ metadata }) => metadata.deletionTimestamp === undefined && !touched.has(metadata.name),
  );
  const families = [...new Set(desired.groups.map(({ addressType }) => addressType))];
  const results = families.map((addressType) => {
    const isOf = (slice: { readonly addressType: Family }) => slice.addressType === addressType;
    const [create, update] = [changes.create.filter(isOf), changes.update.filter(isOf)];
    return hintFamily({ addressType, create, update, unchanged: unchanged.filter(isOf) }, shares);
  });
  const write = (slice: EndpointSlice) => rewritten(slice, desired, slice.ports ?? [], slice.endpoints);
  return {
    changes: {
      create: results.flatMap(({ create }) => create),
      update: [...results.flatMap(({ update }) => update), ...results.flatMap(({ also }) => also.map(write))],
      remove: changes.remove,
    },
    outcomes: results.map(({ outcome }) => outcome),
  };
}

interface FamilySlices {
  readonly addressType: Family;
  readonly create: readonly NewSlice[];
  readonly update: readonly EndpointSlice[];
  /** Would be left as they are, were it not for their hints. */
  readonly unchanged: readonly EndpointSlice[];
}

interface FamilyResult {
  readonly create: readonly NewSlice[];
  readonly update: readonly EndpointSlice[];
  /** Of those that would be left as they are, those that are written for their hints. */
  readonly also: readonly EndpointSlice[];
  readonly outcome: HintOutcome;
}

function hintFamily(slices: FamilySlices, shares: ZoneShares): FamilyResult {
  const { create, update, unchanged } = slices;
  if (shares.kind === 'none') return withoutHints(slices, shares.why);
  const ready = [...create, ...update, ...unchanged].flatMap(({ endpoints }) => endpoints.filter(isReady));
  const allocations = allocate(shares.of, ready.length);
  if (typeof allocations === 'string') return withoutHints(slices, allocations);

  const { counts, spoilt } = keepWhatFits(unchanged, allocations);
  const open = [...create, ...update, ...spoilt];
  if (open.some(({ endpoints }) => endpoints.some((endpoint) => isReady(endpoint) && !endpoint.zone))) {
    return withoutHints(slices, 'One or more endpoints do not have a zone specified');
  }
  const own = open.flatMap(({ endpoints }) => endpoints.filter(isReady)).map(({ zone = '' }) => zone);
  for (const zone of own) counts.set(zone, (counts.get(zone) ?? 0) + 1);
  const { giving, receiving } = transfers(allocations, counts);
  const hint = <T extends Slice>(slice: T) => hinted(slice, (zone) => redirect(zone, giving, receiving));
  return {
    create: create.map(hint),
    update: update.map(hint),
    also: spoilt.map(hint).filter((slice, i) => !equal(slice.endpoints, spoilt[i]?.endpoints)),
    outcome: { kind: 'enabled', addressType: slices.addressType },
  };
}

function withoutHints({ addressType, create, update, unchanged }: FamilySlices, why: string): FamilyResult {
  const strip = <T extends Slice>(slice: T): T => ({ ...slice, endpoints: slice.endpoints.map(unhinted) });
  return {
    create: create.map(strip),
    update: update.map(strip),
    also: unchanged.filter(({ endpoints }) => endpoints.some(({ hints }) => hints !== undefined)).map(strip),
    outcome: { kind: 'disabled', addressType, why },
  };
}

/** Slices whose hints still stand are left alone: how many endpoints they give each zone, and the others. */
function keepWhatFits(unchanged: readonly EndpointSlice[], allocations: ReadonlyMap<string, Allocation>) {
  const counts: Counts = new Map();
  const spoilt: EndpointSlice[] = [];
  for (const slice of unchanged) {
    const added: Counts = new Map();
    for (const zone of slice.endpoints.filter(isReady).map(hintedZone)) added.set(zone, (added.get(zone) ?? 0) + 1);
    const fits = [...added].every(([zone, count]) => {
      return count + (counts.get(zone) ?? 0) <= (allocations.get(zone)?.maximum ?? 0);
    });
    if (!fits) spoilt.push(slice);
    else for (const [zone, count] of added) counts.set(zone, count + (counts.get(zone) ?? 0));
  }
  return { counts, spoilt };
}

/** The one zone that an endpoint is for; '' when it has other hints or none. */
function hintedZone({ hints }: Endpoint): string {
  const [zone, ...others] = hints?.forZones ?? [];
  return zone === undefined || others.length > 0 || hints?.forNodes !== undefined ? '' : zone.name;
}

/** The slice with a hint for each endpoint that is ready. */
function hinted<T extends Slice>(slice: T, zoneFor: (own: string) => string): T {
  const endpoints = slice.endpoints.map((endpoint) => {
    if (!isReady(endpoint)) return unhinted(endpoint);
    return { ...endpoint, hints: { forZones: [{ name: zoneFor(endpoint.zone ?? '') }] } };
  });
  return { ...slice, endpoints };
}

/** The zone that an endpoint of a zone is for: another's while its own has endpoints to give. Counts both down. */
function redirect(own: string, giving: Counts, receiving: Counts): string {
  const left = giving.get(own) ?? 0;
  const [to] = [...receiving].find(([, wanted]) => wanted > 0) ?? [];
  if (left === 0 || to === undefined) return own;
  giving.set(own, left - 1);
  receiving.set(to, (receiving.get(to) ?? 0) - 1);
  return to;
}

/** An endpoint that does not say counts as ready. */
function isReady({ conditions }: Endpoint): boolean {
  return conditions?.ready !== false;
}

function unhinted({ hints: _, ...endpoint }: Endpoint): Endpoint {
  return endpoint;
}
