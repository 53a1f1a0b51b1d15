/** An IPAddressPool as the allocation reads it. Pure. */
import type { AddressPool } from '../../alloc/address-pool.ts';
import type { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { matchesLabels, type Selector, selectorOf } from '../../api/selectors.ts';
import { ApiError } from '../../api/status.ts';
import { parseAddressRange, readAddressRange } from '../../lib/address-range.ts';

/** For whom a pool is. Each list that has something in it must have something that fits. */
interface Audience {
  readonly namespaces: readonly string[];
  readonly namespaceSelectors: readonly Selector[];
  readonly serviceSelectors: readonly Selector[];
}

export interface Pool {
  /** `namespace/name` of the IPAddressPool. */
  readonly key: string;
  readonly name: string;
  readonly autoAssign: boolean;
  /** Lower comes first. */
  readonly priority: number;
  /** Undefined when it is for everybody. */
  readonly audience: Audience | undefined;
  readonly addresses: AddressPool;
}

/** A Service that wants an address, as far as pools choose by it. */
export interface Candidate {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly namespaceLabels: Readonly<Record<string, string>>;
}

/** The addresses of an IPAddressPool; entries that cannot be read are left out. */
function addressesOfPool({ spec }: IPAddressPool): AddressPool {
  const { addresses, avoidBuggyIPs = false } = spec;
  return { ranges: addresses.map(parseAddressRange).filter((range) => range !== undefined), avoidBuggyIPs };
}

/**
 * The pool, and what in it cannot be understood: a real cluster takes what its webhooks do not refuse. A pool that does
 * not say for whom it is, is for nobody.
 */
export function readPool(object: IPAddressPool): { readonly pool: Pool; readonly mistakes: readonly string[] } {
  const { metadata, spec } = object;
  const mistakes = spec.addresses.flatMap((text) => {
    const range = readAddressRange(text);
    return typeof range === 'string' ? [`the entry ${JSON.stringify(text)} of spec.addresses ${range}`] : [];
  });
  const audience = readAudience(spec.serviceAllocation);
  const pool = {
    key: `${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
    name: metadata.name ?? '',
    autoAssign: spec.autoAssign ?? true,
    // As in MetalLB 0, or none, comes last.
    priority: spec.serviceAllocation?.priority || Number.POSITIVE_INFINITY,
    audience: typeof audience === 'string' ? undefined : audience,
    addresses: addressesOfPool(object),
  };
  if (typeof audience !== 'string') return { pool, mistakes };
  return {
    pool: { ...pool, addresses: { ranges: [] } },
    mistakes: [...mistakes, `spec.serviceAllocation: ${audience}; until that is mended the pool gives out nothing`],
  };
}

/** Why a pool is not for a Service; undefined when it is. */
export function whyNotFor({ audience }: Pool, { namespace, labels, namespaceLabels }: Candidate): string | undefined {
  if (audience === undefined) return undefined;
  const { namespaces, namespaceSelectors, serviceSelectors } = audience;
  const isForAll = namespaces.length === 0 && namespaceSelectors.length === 0;
  const isForNamespace = namespaces.includes(namespace) || anyMatches(namespaceSelectors, namespaceLabels);
  if (!isForAll && !isForNamespace) return `it is not for namespace "${namespace}" (serviceAllocation)`;
  const fits = serviceSelectors.length === 0 || anyMatches(serviceSelectors, labels);
  return fits ? undefined : "the Service's labels match none of its serviceSelectors";
}

function readAudience(allocation: IPAddressPool['spec']['serviceAllocation']): Audience | string | undefined {
  if (allocation === undefined) return undefined;
  const { namespaces = [], namespaceSelectors = [], serviceSelectors = [] } = allocation;
  try {
    return {
      namespaces,
      namespaceSelectors: namespaceSelectors.map(selectorOf),
      serviceSelectors: serviceSelectors.map(selectorOf),
    };
  } catch (error) {
    if (error instanceof ApiError) return error.message;
    throw error;
  }
}

function anyMatches(selectors: readonly Selector[], labels: Readonly<Record<string, string>>): boolean {
  return selectors.some((selector) => matchesLabels(selector, labels));
}
