/** Who may announce which address by the objects of a server: what every node's announcer works out for itself. */

import type { Service } from '../../../src/api/core/v1/service.ts';
import { type EndpointSlice, SERVICE_NAME_LABEL } from '../../../src/api/discovery/v1/endpointslice.ts';
import type { TestServer } from '../../../src/apiserver/testing/server.ts';
import { announcedAddresses, desiredPlan, poolOf } from '../../../src/l2/plan/desired.ts';
import { advertisedPools, type NodeFacts, nodeFacts } from '../../../src/l2/plan/eligible.ts';

const METALLB = '/apis/metallb.io/v1beta1';

/** The nodes that may announce each load balancer address, best first, each with `@INTERFACE,…` where it is told where. */
export async function announcersOf(api: TestServer): Promise<Readonly<Record<string, readonly string[]>>> {
  const items = async (path: string) => (await api.call('GET', path)).body.items;
  const [settings] = await items(`${METALLB}/metallbs`);
  const nodes: readonly NodeFacts[] = (await items('/api/v1/nodes'))
    .map((node: Parameters<typeof nodeFacts>[0]) => nodeFacts(node, settings?.spec?.nodeSelector))
    .filter((facts: NodeFacts | undefined) => facts !== undefined);
  const { pools } = advertisedPools({
    pools: await items(`${METALLB}/ipaddresspools`),
    advertisements: await items(`${METALLB}/l2advertisements`),
    nodes,
  });
  const services: readonly Service[] = await items('/api/v1/services');
  const slices: readonly EndpointSlice[] = await items('/apis/discovery.k8s.io/v1/endpointslices');
  const slicesOf = ({ metadata: { namespace, name } }: Service) =>
    slices.filter(({ metadata }) => metadata.namespace === namespace && metadata.labels?.[SERVICE_NAME_LABEL] === name);
  const addresses = [...new Set(services.flatMap(announcedAddresses))];
  return Object.fromEntries(
    addresses.map((address) => {
      const claims = services
        .filter((service) => announcedAddresses(service).includes(address))
        .map((service) => ({ service, slices: slicesOf(service) }));
      const pool = poolOf(address, pools);
      const candidates = pool === undefined ? [] : desiredPlan(address, claims, pool).candidates;
      return [
        address,
        candidates.map(({ node, interfaces }) => (interfaces === undefined ? node : `${node}@${interfaces.join()}`)),
      ];
    }),
  );
}
