/** Which Services may have one address together. Pure. https://metallb.io/usage/#ip-address-sharing */
import type { Service } from '../../api/core/v1/service.ts';

/** What decides with whom a Service may share an address. */
export interface Tenant {
  /** `namespace/name` of the Service. */
  readonly key: string;
  /** Only Services with the same key share an address; without one a Service shares nothing. */
  readonly sharingKey?: string;
  /** `TCP/80`. */
  readonly ports: readonly string[];
  /**
   * Where the traffic of an address may go: `Cluster`, or `Local` and to whom. One node announces the address for all who
   * share it, so that they must agree.
   */
  readonly traffic: string;
}

export function tenantOf({ metadata, spec = {} }: Service, sharingKey: string | undefined): Tenant {
  const { ports = [], selector = {}, externalTrafficPolicy } = spec;
  return {
    key: `${metadata.namespace ?? ''}/${metadata.name ?? ''}`,
    ...(sharingKey === undefined ? {} : { sharingKey }),
    ports: ports.map(({ protocol = 'TCP', port }) => `${protocol}/${port}`),
    traffic: externalTrafficPolicy === 'Local' ? `Local to ${printSelector(selector)}` : 'Cluster',
  };
}

/** Why a Service cannot share the address of another, in words for people; undefined when it can. */
export function whyNotShared(tenant: Tenant, other: Tenant): string | undefined {
  if (other.sharingKey === undefined) return 'which does not share it (annotation metallb.io/allow-shared-ip)';
  if (tenant.sharingKey === undefined) {
    return `which shares it with Services that have the annotation metallb.io/allow-shared-ip: ${other.sharingKey}`;
  }
  if (tenant.sharingKey !== other.sharingKey) {
    return `whose metallb.io/allow-shared-ip is "${other.sharingKey}", and this Service's is "${tenant.sharingKey}"`;
  }
  const port = tenant.ports.find((each) => other.ports.includes(each));
  if (port !== undefined) return `which has the port ${port} too`;
  if (tenant.traffic === other.traffic) return undefined;
  const policy = 'their externalTrafficPolicy must be Cluster, or Local with equal selectors';
  return `whose traffic goes elsewhere (${other.traffic}, and this Service's ${tenant.traffic}): ${policy}`;
}

function printSelector(selector: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(selector).map(([key, value]) => `${key}=${value}`);
  return pairs.length === 0 ? 'endpoints without a selector' : pairs.sort().join(',');
}
