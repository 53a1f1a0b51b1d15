/** Who announces what in a whole cluster, as the API has it: Services, ServiceL2Statuses and the announcers' leases. */
import { Lease } from '../../api/coordination/v1/lease.ts';
import { Service } from '../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { ANNOUNCER_LEASE_NAMESPACE } from '../../api/metallb/v1beta1/announcer-lease.ts';
import { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import type { Client } from '../../client/client.ts';
import { listAny } from '../../client/optional.ts';
import { type AnnouncerState, announcerStates } from './leases.ts';

/** A Service that has addresses, and who announces them. */
export interface AnnouncedService {
  /** `namespace/name`. */
  readonly service: string;
  readonly addresses: readonly string[];
  /** None: nobody says so. */
  readonly announcers: readonly { readonly node: string; readonly interfaces: readonly string[] }[];
}

export interface ClusterView {
  readonly services: readonly AnnouncedService[];
  readonly announcers: readonly AnnouncerState[];
}

/** `now` is milliseconds since 1970. */
export async function clusterView(client: Client, now: number): Promise<ClusterView> {
  const [services, statuses, leases] = await Promise.all([
    client.list(Service).then(({ items }) => items),
    listAny(client, ServiceL2Status),
    client.list(Lease, { namespace: ANNOUNCER_LEASE_NAMESPACE }).then(({ items }) => items),
  ]);
  return { services: announcedServices(services, statuses), announcers: announcerStates(leases, now) };
}

/** Sorted by namespace and name. */
function announcedServices(
  services: readonly Service[],
  statuses: readonly ServiceL2Status[],
): readonly AnnouncedService[] {
  const byService = Map.groupBy(statuses, ({ status }) => `${status?.serviceNamespace}/${status?.serviceName}`);
  return services
    .filter(({ spec }) => spec?.type === 'LoadBalancer')
    .map((service): AnnouncedService => {
      const key = keyText(keyOf(service));
      const addresses = (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip }) => ip ?? []);
      const announcers = (byService.get(key) ?? []).map(({ status }) => ({
        node: status?.node ?? '',
        interfaces: (status?.interfaces ?? []).flatMap(({ name }) => name ?? []),
      }));
      return { service: key, addresses, announcers: announcers.sort((a, b) => (a.node < b.node ? -1 : 1)) };
    })
    .filter(({ addresses }) => addresses.length > 0)
    .sort((a, b) => (a.service < b.service ? -1 : 1));
}
