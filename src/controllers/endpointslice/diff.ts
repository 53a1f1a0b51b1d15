/**
 * From the slices that are to those that should be, with as few writes as will do: every slice that is written is sent to
 * every node, so an endpoint stays in the slice where it is. Pure.
 */
import type { Endpoint, EndpointPort, EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { equal } from '../equal.ts';
import type { DesiredSlices, EndpointGroup } from './desired.ts';
import { withTriggerTime } from './trigger-time.ts';

/** Endpoints in one slice, as in Kubernetes: it bounds what one change costs to send. */
export const MAX_ENDPOINTS = 100;

/** A slice to create; the name is added when it is applied. */
export interface NewSlice {
  readonly addressType: EndpointSlice['addressType'];
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export interface SliceChanges {
  readonly create: readonly NewSlice[];
  readonly update: readonly EndpointSlice[];
  readonly remove: readonly EndpointSlice[];
}

/**
 * The writes that make `actual` say what `desired` says. Slices of another owner of the same name, which was there
 * before, are removed and never written: the garbage collector is after them too.
 */
export function diff(
  desired: DesiredSlices,
  actual: readonly EndpointSlice[],
  maxEndpoints = MAX_ENDPOINTS,
): SliceChanges {
  const live = actual.filter((slice) => slice.metadata.deletionTimestamp === undefined);
  const own = live.filter((slice) => isOwnedBy(slice, desired.owner.uid));
  const matched = new Set<EndpointSlice>();
  const changes: Changes = { create: [], update: [], remove: [] };
  for (const group of desired.groups) {
    const slices = own.filter((slice) => !matched.has(slice) && belongsTo(slice, group));
    for (const slice of slices) matched.add(slice);
    diffGroup({ desired, group, maxEndpoints }, slices, changes);
  }
  changes.remove.push(...own.filter((slice) => !matched.has(slice)));
  const { create, update, remove } = reuse(changes, desired);
  return { create, update, remove: [...remove, ...live.filter((slice) => !own.includes(slice))] };
}

interface Changes {
  readonly create: NewSlice[];
  readonly update: EndpointSlice[];
  readonly remove: EndpointSlice[];
}

/** What the slices of one group are made from. */
interface Wanted {
  readonly desired: DesiredSlices;
  readonly group: EndpointGroup;
  readonly maxEndpoints: number;
}

function isOwnedBy({ metadata }: EndpointSlice, uid: string): boolean {
  return metadata.ownerReferences?.some((owner) => owner.uid === uid) === true;
}

function belongsTo(slice: EndpointSlice, group: EndpointGroup): boolean {
  return slice.addressType === group.addressType && equal(slice.ports ?? [], group.ports);
}

interface Plan {
  readonly slice: EndpointSlice;
  endpoints: readonly Endpoint[];
  changed: boolean;
}

function diffGroup(wanted: Wanted, slices: readonly EndpointSlice[], changes: Changes): void {
  const { group, maxEndpoints } = wanted;
  const missing = new Map(group.endpoints.map((endpoint) => [identity(endpoint), endpoint]));
  const plans = slices.map((slice) => keepEndpoints(slice, wanted, missing));
  const rest = place([...missing.values()], plans, maxEndpoints);
  const { addressType, ports } = group;
  for (let start = 0; start < rest.length; start += maxEndpoints) {
    changes.create.push({ addressType, ports, endpoints: rest.slice(start, start + maxEndpoints) });
  }
  const used = plans.filter(({ endpoints }) => endpoints.length > 0);
  // One empty slice says that there are no endpoints.
  const kept = used.length > 0 || rest.length > 0 ? used : plans.slice(0, 1);
  if (kept.length === 0 && rest.length === 0) changes.create.push({ addressType, ports, endpoints: [] });
  for (const plan of plans) {
    if (!kept.includes(plan)) changes.remove.push(plan.slice);
    else if (plan.changed) changes.update.push(rewritten(plan.slice, wanted.desired, ports, plan.endpoints));
  }
}

/** What stays in a slice: its endpoints that are still wanted, as they are wanted now. Takes them out of `missing`. */
function keepEndpoints(slice: EndpointSlice, wanted: Wanted, missing: Map<string, Endpoint>): Plan {
  const endpoints: Endpoint[] = [];
  let changed = !isMarked(slice, wanted.desired);
  for (const current of slice.endpoints) {
    const id = identity(current);
    const found = missing.get(id);
    const keeps = found !== undefined && wanted.desired.keepHints === true && current.hints !== undefined;
    const next = keeps ? { ...found, hints: current.hints } : found;
    if (next === undefined || endpoints.length >= wanted.maxEndpoints) {
      changed = true;
      continue;
    }
    missing.delete(id);
    endpoints.push(next);
    changed ||= !equal(current, next);
  }
  return { slice, endpoints, changed };
}

function isMarked({ metadata }: EndpointSlice, { labels, annotations }: DesiredSlices): boolean {
  if (annotations !== undefined && !equal(metadata.annotations ?? {}, annotations)) return false;
  return equal(metadata.labels ?? {}, labels);
}

/**
 * Puts new endpoints into slices that are written anyway, then what is left into the one slice that it fills best;
 * returns what found no place. Slices that only together have room are left alone: one new slice is fewer writes.
 */
function place(endpoints: readonly Endpoint[], plans: readonly Plan[], maxEndpoints: number): readonly Endpoint[] {
  let rest = endpoints;
  const room = (plan: Plan) => maxEndpoints - plan.endpoints.length;
  for (const plan of plans.filter(({ changed }) => changed)) {
    const count = Math.max(0, room(plan));
    plan.endpoints = [...plan.endpoints, ...rest.slice(0, count)];
    rest = rest.slice(count);
  }
  // Whole slices are new ones whatever else; what remains then looks for a place.
  const remainder = rest.length % maxEndpoints;
  const fitting = plans.filter((plan) => !plan.changed && room(plan) >= remainder);
  const [best] = fitting.sort((a, b) => room(a) - room(b));
  if (remainder === 0 || best === undefined) return rest;
  best.endpoints = [...best.endpoints, ...rest.slice(0, remainder)];
  best.changed = true;
  return rest.slice(remainder);
}

/** Rather than delete one slice and create another of the same family, rewrites the first: watchers see one change. */
function reuse({ create, update, remove }: Changes, desired: DesiredSlices): SliceChanges {
  const unused = [...remove];
  const rewrites: EndpointSlice[] = [];
  const created = create.filter((wanted) => {
    const i = unused.findIndex((slice) => slice.addressType === wanted.addressType);
    const [slice] = i < 0 ? [] : unused.splice(i, 1);
    if (slice === undefined) return true;
    rewrites.push(rewritten(slice, desired, wanted.ports, wanted.endpoints));
    return false;
  });
  return { create: created, update: [...update, ...rewrites], remove: unused };
}

/** A slice as it is written with these ports and endpoints. */
export function rewritten(
  slice: EndpointSlice,
  desired: DesiredSlices,
  ports: readonly EndpointPort[],
  endpoints: readonly Endpoint[],
): EndpointSlice {
  const { annotations: before, ...kept } = slice.metadata;
  const annotations = annotationsOf(desired, before);
  const metadata = { ...kept, labels: desired.labels, ...(annotations === undefined ? {} : { annotations }) };
  return { ...slice, metadata, ports, endpoints };
}

/** The annotations of a slice that is written, which has `before`; undefined when it has none. */
export function annotationsOf(
  { annotations, triggerTime }: DesiredSlices,
  before?: EndpointSlice['metadata']['annotations'],
): EndpointSlice['metadata']['annotations'] {
  if (annotations !== undefined) return annotations;
  const next = withTriggerTime(before, triggerTime);
  return Object.keys(next).length > 0 ? next : undefined;
}

function identity(endpoint: Endpoint): string {
  return `${endpoint.targetRef?.uid ?? ''} ${endpoint.addresses[0] ?? ''}`;
}
