/**
 * From the slices that are to those that should be, with as few writes as will do: every slice that is written is sent to
 * every node, so an endpoint stays in the slice where it is. Pure.
 */
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { equal } from '../equal.ts';
import type { DesiredSlices, EndpointGroup } from './desired.ts';

/** Endpoints in one slice, as in Kubernetes: it bounds what one change costs to send. */
export const MAX_ENDPOINTS = 100;

/** A slice to create; the name and the owner are added when it is applied. */
export interface NewSlice {
  readonly addressType: EndpointSlice['addressType'];
  readonly labels: Readonly<Record<string, string>>;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SliceChanges {
  readonly create: readonly NewSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/** The writes that make `actual` say what `desired` says; undefined `desired` means that no slice should be left. */
export function diff(desired: DesiredSlices | undefined, actual: readonly EndpointSlice[]): SliceChanges {
  const live = actual.filter((slice) => slice.metadata.deletionTimestamp === undefined);
  const matched = new Set<EndpointSlice>();
  const changes = { create: [] as NewSlice[], update: [] as EndpointSlice[], remove: [] as EndpointSlice[] };
  for (const group of desired?.groups ?? []) {
    const own = live.filter((slice) => !matched.has(slice) && belongsTo(slice, group));
    for (const slice of own) matched.add(slice);
    diffGroup(group, own, desired?.labels ?? {}, changes);
  }
  changes.remove.push(...live.filter((slice) => !matched.has(slice)));
  return reuse(changes);
}

function belongsTo(slice: EndpointSlice, group: EndpointGroup): boolean {
  return slice.addressType === group.addressType && equal(slice.ports ?? [], group.ports);
}

interface Plan {
  readonly slice: EndpointSlice;
  endpoints: readonly Endpoint[];
  changed: boolean;
}

function diffGroup(
  group: EndpointGroup,
  slices: readonly EndpointSlice[],
  labels: DesiredSlices['labels'],
  changes: { create: NewSlice[]; update: EndpointSlice[]; remove: EndpointSlice[] },
): void {
  const missing = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const plans = slices.map((slice) => keepEndpoints(slice, labels, missing));
  const rest = place([...missing.values()], plans);
  for (let start = 0; start < rest.length; start += MAX_ENDPOINTS) {
    const endpoints = rest.slice(start, start + MAX_ENDPOINTS);
    changes.create.push({ addressType: group.addressType, labels, ports: group.ports, endpoints });
  }
  const used = plans.filter(({ endpoints }) => endpoints.length > 0);
  // One empty slice says that there are no endpoints.
  const kept = used.length > 0 || rest.length > 0 ? used : plans.slice(0, 1);
  if (kept.length === 0 && rest.length === 0) {
    changes.create.push({ addressType: group.addressType, labels, ports: group.ports, endpoints: [] });
  }
  for (const plan of plans) {
    if (!kept.includes(plan)) changes.remove.push(plan.slice);
    else if (plan.changed) changes.update.push(rewritten(plan.slice, labels, group.ports, plan.endpoints));
  }
}

/** What stays in a slice: its endpoints that are still wanted, as they are wanted now. Takes them out of `missing`. */
function keepEndpoints(slice: EndpointSlice, labels: DesiredSlices['labels'], missing: Map<string, Endpoint>): Plan {
  const endpoints: Endpoint[] = [];
  let changed = !equal(slice.metadata.labels ?? {}, labels);
  for (const current of slice.endpoints) {
    const wanted = missing.get(identity(current));
    if (wanted === undefined || endpoints.length >= MAX_ENDPOINTS) {
      changed = true;
      continue;
    }
    missing.delete(identity(current));
    endpoints.push(wanted);
    changed ||= !equal(current, wanted);
  }
  return { slice, endpoints, changed };
}

/** Puts new endpoints into slices with room, those first that are written anyway; returns what found no place. */
function place(endpoints: readonly Endpoint[], plans: readonly Plan[]): readonly Endpoint[] {
  let rest = endpoints;
  for (const plan of [...plans].sort((a, b) => Number(b.changed) - Number(a.changed))) {
    const room = MAX_ENDPOINTS - plan.endpoints.length;
    if (rest.length === 0 || room <= 0) continue;
    plan.endpoints = [...plan.endpoints, ...rest.slice(0, room)];
    plan.changed = true;
    rest = rest.slice(room);
  }
  return rest;
}

/** Rather than delete one slice and create another of the same family, rewrites the first: watchers see one change. */
function reuse({ create, update, remove }: SliceChanges): SliceChanges {
  const unused = [...remove];
  const rewrites: EndpointSlice[] = [];
  const created = create.filter((wanted) => {
    const i = unused.findIndex((slice) => slice.addressType === wanted.addressType);
    const [slice] = i < 0 ? [] : unused.splice(i, 1);
    if (slice === undefined) return true;
    rewrites.push(rewritten(slice, wanted.labels, wanted.ports, wanted.endpoints));
    return false;
  });
  return { create: created, update: [...update, ...rewrites], remove: unused };
}

function rewritten(
  slice: EndpointSlice,
  labels: DesiredSlices['labels'],
  ports: readonly EndpointPort[],
  endpoints: readonly Endpoint[],
): EndpointSlice {
  return { ...slice, metadata: { ...slice.metadata, labels }, ports, endpoints };
}

function identity(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.uid ?? ''} ${endpoint.addresses[0] ?? ''}`;
}
