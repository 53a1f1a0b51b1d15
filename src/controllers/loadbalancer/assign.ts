/** Which addresses a Service gets. Pure and deterministic: the same pools, owners and request give the same answer. */
import { type AddressPool, firstFreeAddress, poolContains, poolSize } from '../../alloc/address-pool.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { matchesLabels, selectorOf } from '../../api/selectors.ts';
import { parseAddressRange } from '../../lib/address-range.ts';
import { type IPAddress, type IPFamily, printIP } from '../../lib/ip.ts';
import type { AddressRequest } from './request.ts';

/** `namespace/name` of the Service that has an address, by the address's canonical text. */
export type Owners = ReadonlyMap<string, string>;

/** What ruled a pool out, in words for people. */
export interface Refusal {
  readonly pool: string;
  readonly why: string;
}

export type Assignment =
  | { readonly kind: 'assigned'; readonly pool: string; readonly addresses: readonly IPAddress[] }
  | { readonly kind: 'refused'; readonly refusals: readonly Refusal[]; readonly message: string };

/** A pool with its ranges read. */
export interface Pool {
  readonly name: string;
  readonly object: IPAddressPool;
  readonly alloc: AddressPool;
}

/** Labels of namespaces, for pools that choose by them. */
export type NamespaceLabels = (namespace: string) => Readonly<Record<string, string>>;

/** The pool of an IPAddressPool. Ranges that cannot be read were refused by the API, so none is left out in practice. */
export function poolOf(object: IPAddressPool): Pool {
  const ranges = object.spec.addresses.map(parseAddressRange).filter((range) => range !== undefined);
  const { avoidBuggyIPs } = object.spec;
  return {
    name: object.metadata.name ?? '',
    object,
    alloc: { ranges, ...(avoidBuggyIPs === undefined ? {} : { avoidBuggyIPs }) },
  };
}

/**
 * All addresses come from one pool: the first, by priority and then name, that has one of every family. When the Service
 * takes fewer (PreferDualStack), a pool with some will do if none has all. What the Service has, it keeps while it may.
 */
export function assign(
  pools: readonly Pool[],
  owners: Owners,
  request: AddressRequest,
  current: readonly IPAddress[],
  namespaceLabels: NamespaceLabels = () => ({}),
): Assignment {
  const mistake = mistakeIn(request);
  if (mistake !== undefined) return { kind: 'refused', refusals: [], message: mistake };
  const refusals: Refusal[] = [];
  let partial: Assignment | undefined;
  for (const pool of inOrder(pools, current)) {
    const why = notOffered(pool, request, current, namespaceLabels) ?? undefined;
    const found = why ?? pick(pool, owners, request, current);
    if (typeof found === 'string') {
      refusals.push({ pool: pool.name, why: found });
      continue;
    }
    const assigned = { kind: 'assigned', pool: pool.name, addresses: found.addresses } as const;
    if (found.missing === undefined) return assigned;
    refusals.push({ pool: pool.name, why: found.missing });
    if (found.addresses.length > 0 && request.partial) partial ??= assigned;
  }
  return partial ?? { kind: 'refused', refusals, message: explain(refusals) };
}

function mistakeIn({ malformed, addresses, families }: AddressRequest): string | undefined {
  if (malformed.length > 0) return `the requested address ${JSON.stringify(malformed[0])} is not an IP address`;
  const foreign = addresses.find(({ family }) => !families.includes(family));
  if (foreign !== undefined) {
    return `the requested address ${printIP(foreign)} is ${foreign.family}, and the Service's ipFamilies are ${families.join(', ')}`;
  }
  return undefined;
}

/** The pool that the Service's addresses are from first, so that they stay; then by priority, then by name. */
function inOrder(pools: readonly Pool[], current: readonly IPAddress[]): readonly Pool[] {
  const holds = ({ alloc }: Pool) => current.some((ip) => poolContains(alloc, ip));
  // As in MetalLB a lower number comes first, and 0, or none, last.
  const priority = ({ object }: Pool) => object.spec.serviceAllocation?.priority || Number.POSITIVE_INFINITY;
  return [...pools].sort((a, b) => {
    if (holds(a) !== holds(b)) return holds(a) ? -1 : 1;
    if (priority(a) !== priority(b)) return priority(a) < priority(b) ? -1 : 1;
    return a.name < b.name ? -1 : 1;
  });
}

/** Why a pool is not for this Service at all, whatever is free in it. */
function notOffered(
  { name, object, alloc }: Pool,
  request: AddressRequest,
  current: readonly IPAddress[],
  namespaceLabels: NamespaceLabels,
): string | undefined {
  if (request.pool !== undefined && request.pool !== name) return `the Service asks for pool "${request.pool}"`;
  const { autoAssign = true, serviceAllocation = {} } = object.spec;
  const isAsked = request.pool === name || request.addresses.some((ip) => poolContains(alloc, ip));
  const isHeld = current.some((ip) => poolContains(alloc, ip));
  if (!autoAssign && !isAsked && !isHeld) {
    return `autoAssign is false (ask for it with the annotation metallb.io/address-pool: ${name})`;
  }
  const { namespaces = [], namespaceSelectors = [], serviceSelectors = [] } = serviceAllocation;
  const labels = namespaceLabels(request.namespace);
  const namespaceFits =
    (namespaces.length === 0 && namespaceSelectors.length === 0) ||
    namespaces.includes(request.namespace) ||
    namespaceSelectors.some((selector) => matchesLabels(selectorOf(selector), labels));
  if (!namespaceFits) return `it is not for namespace "${request.namespace}" (serviceAllocation)`;
  const fits =
    serviceSelectors.length === 0 || serviceSelectors.some((s) => matchesLabels(selectorOf(s), request.labels));
  return fits ? undefined : "the Service's labels match none of its serviceSelectors";
}

interface Picked {
  readonly addresses: readonly IPAddress[];
  /** Why a family is missing; undefined when none is. */
  readonly missing: string | undefined;
}

/** One address per family out of a pool; a text when a requested address cannot be had from it. */
function pick(pool: Pool, owners: Owners, request: AddressRequest, current: readonly IPAddress[]): Picked | string {
  const addresses: IPAddress[] = [];
  const missing: string[] = [];
  for (const family of request.families) {
    const asked = request.addresses.find((ip) => ip.family === family);
    if (asked !== undefined) {
      const why = notThis(pool, owners, request, asked);
      if (why !== undefined) return why;
      addresses.push(asked);
      continue;
    }
    const ip = held(pool, owners, request, current, family) ?? firstFree(pool, owners, family);
    if (ip === undefined) missing.push(whyNone(pool, family));
    else addresses.push(ip);
  }
  return { addresses, missing: missing.length === 0 ? undefined : missing.join(', ') };
}

function notThis({ alloc }: Pool, owners: Owners, { key }: AddressRequest, ip: IPAddress): string | undefined {
  if (!poolContains(alloc, ip)) return `the requested address ${printIP(ip)} is not in it`;
  const owner = owners.get(printIP(ip));
  return owner === undefined || owner === key
    ? undefined
    : `the requested address ${printIP(ip)} belongs to Service ${owner}`;
}

function held(
  { alloc }: Pool,
  owners: Owners,
  { key }: AddressRequest,
  current: readonly IPAddress[],
  family: IPFamily,
): IPAddress | undefined {
  return current.find((ip) => {
    const owner = owners.get(printIP(ip));
    return ip.family === family && poolContains(alloc, ip) && (owner === undefined || owner === key);
  });
}

function firstFree({ alloc }: Pool, owners: Owners, family: IPFamily): IPAddress | undefined {
  return firstFreeAddress(alloc, family, (ip) => owners.has(printIP(ip)));
}

function whyNone({ alloc }: Pool, family: IPFamily): string {
  const size = poolSize(alloc, family);
  return size === 0n ? `it has no ${family} addresses` : `all of its ${size} ${family} addresses are in use`;
}

function explain(refusals: readonly Refusal[]): string {
  if (refusals.length === 0) {
    return 'there is no IPAddressPool: create one (metallb.io/v1beta1) with addresses of the network the nodes are on';
  }
  return `no pool can give an address: ${refusals.map(({ pool, why }) => `pool "${pool}": ${why}`).join('; ')}`;
}
