/** Reads what the cluster says about a Service, and has it explained. */
import { Lease } from '../api/coordination/v1/lease.ts';
import { Event } from '../api/core/v1/event.ts';
import { Node } from '../api/core/v1/node.ts';
import { Pod } from '../api/core/v1/pod.ts';
import { Service } from '../api/core/v1/service.ts';
import { EndpointSlice } from '../api/discovery/v1/endpointslice.ts';
import { VirtualMachine } from '../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../api/kubevirt/v1/virtualmachineinstance.ts';
import type { ObjectKey } from '../api/meta/v1.ts';
import { ANNOUNCER_LEASE_NAMESPACE, readAnnouncerLease } from '../api/metallb/v1beta1/announcer-lease.ts';
import { IPAddressPool } from '../api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../api/metallb/v1beta1/l2advertisement.ts';
import { MetalLB } from '../api/metallb/v1beta1/metallb.ts';
import { METALLB_NAME } from '../api/metallb/v1beta1/names.ts';
import type { Client } from '../client/client.ts';
import { getAny, listAny } from '../client/optional.ts';
import type { Finding } from '../controllers/servicestatus/finding.ts';
import { MAKERS, type Maker, type PodMaker, podMaker } from '../controllers/servicestatus/pod-makers.ts';
import { whyService } from '../controllers/servicestatus/why.ts';
import { whyHeld } from '../controllers/servicestatus/why-held.ts';

/** `now` is milliseconds since 1970. */
export async function explainService(client: Client, key: ObjectKey, now = Date.now()): Promise<readonly Finding[]> {
  const scope = key.namespace === undefined ? {} : { namespace: key.namespace };
  const service = await client.get(Service, key);
  const [slices, pods, nodes, vms, vmis, pools, advertisements, leases, metallb, events, makers] = await Promise.all([
    client.list(EndpointSlice, scope),
    client.list(Pod, scope),
    client.list(Node),
    listAny(client, VirtualMachine, scope),
    listAny(client, VirtualMachineInstance, scope),
    listAny(client, IPAddressPool),
    listAny(client, L2Advertisement),
    client.list(Lease, { namespace: ANNOUNCER_LEASE_NAMESPACE }),
    getAny(client, MetalLB, { namespace: ANNOUNCER_LEASE_NAMESPACE, name: METALLB_NAME }),
    client.list(Event, { ...scope, fieldSelector: `involvedObject.kind=Service,involvedObject.name=${key.name}` }),
    listMakers(client, scope),
  ]);
  const found = whyService({
    service,
    slices: slices.items,
    pods: pods.items,
    nodes: nodes.items,
    vms,
    vmis,
    makers,
    pools,
    advertisements,
    announcers: leases.items.flatMap((lease) => readAnnouncerLease(lease) ?? []),
    metallb,
    now,
  });
  return [...found, ...whyHeld(service, events.items)];
}

async function listMakers(client: Client, scope: { readonly namespace?: string }): Promise<readonly PodMaker[]> {
  const lists = MAKERS.map(async (kind) => {
    const makers = await listAny<Maker>(client, kind, scope);
    return makers.flatMap((maker) => podMaker(kind.singular, maker));
  });
  return (await Promise.all(lists)).flat();
}
