/** What a ServiceCIDR's life cycle asks for. Pure. Follows Kubernetes' service-cidr controller. */
import { withCondition } from '../../api/meta/conditions.ts';
import type { IPAddress } from '../../api/networking/v1/ipaddress.ts';
import { SERVICE_CIDR_FINALIZER, SERVICE_CIDR_READY, type ServiceCIDR } from '../../api/networking/v1/servicecidr.ts';
import { type IPAddress as Address, cidrContains, parseCIDR, parseIP } from '../../lib/ip.ts';

const IN_USE =
  'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
/** How many of the addresses in use a message names. */
const NAMED = 3;

/** The addresses that would be outside of every range if this one went, in their order. */
export function dependents(
  range: ServiceCIDR,
  all: readonly ServiceCIDR[],
  addresses: readonly IPAddress[],
): readonly IPAddress[] {
  const staying = all.filter(({ metadata }) => metadata.name !== range.metadata.name && !metadata.deletionTimestamp);
  return addresses.filter(({ metadata }) => {
    const ip = parseIP(metadata.name ?? '');
    return ip !== undefined && contains(range, ip) && !staying.some((other) => contains(other, ip));
  });
}

function contains({ spec }: ServiceCIDR, ip: Address): boolean {
  return (spec?.cidrs ?? []).some((text) => {
    const cidr = parseCIDR(text);
    return cidr !== undefined && cidrContains(cidr, ip);
  });
}

/** The range with its finalizer, which somebody may have taken away. The same when it has it. */
export function guarded(range: ServiceCIDR): ServiceCIDR {
  const { finalizers = [] } = range.metadata;
  if (finalizers.includes(SERVICE_CIDR_FINALIZER)) return range;
  return { ...range, metadata: { ...range.metadata, finalizers: [...finalizers, SERVICE_CIDR_FINALIZER] } };
}

/** The range without its finalizer: nothing is left that needs it. */
export function released(range: ServiceCIDR): ServiceCIDR {
  const finalizers = (range.metadata.finalizers ?? []).filter((finalizer) => finalizer !== SERVICE_CIDR_FINALIZER);
  return { ...range, metadata: { ...range.metadata, finalizers } };
}

/** The range with the condition that says that addresses are given from it. `now`: wall-clock milliseconds. */
export function ready(range: ServiceCIDR, now: number): ServiceCIDR {
  const condition = { type: SERVICE_CIDR_READY, status: 'True', message: 'Kubernetes Service CIDR is ready' };
  return withConditions(range, condition, now);
}

/** The range with the condition that says what keeps it from going. */
export function blocked(range: ServiceCIDR, by: readonly IPAddress[], now: number): ServiceCIDR {
  const names = by.slice(0, NAMED).map(({ metadata, spec }) => `${metadata.name} (${ownerOf(spec)})`);
  const more = by.length > NAMED ? ` and ${by.length - NAMED} more` : '';
  const message = `${IN_USE}: ${names.join(', ')}${more}`;
  return withConditions(range, { type: SERVICE_CIDR_READY, status: 'False', reason: 'Terminating', message }, now);
}

function ownerOf(spec: IPAddress['spec']): string {
  const { resource, namespace, name } = spec?.parentRef ?? {};
  return [resource, namespace, name].filter((part) => part !== undefined && part !== '').join('/');
}

function withConditions(range: ServiceCIDR, wanted: Parameters<typeof withCondition>[1], now: number): ServiceCIDR {
  const conditions = withCondition(range.status?.conditions, wanted, now);
  return conditions === range.status?.conditions ? range : { ...range, status: { ...range.status, conditions } };
}
