/** Reads what the cluster says about a Service, and has it explained. */
import { Node } from '../api/core/v1/node.ts';
import { Pod } from '../api/core/v1/pod.ts';
import { Service } from '../api/core/v1/service.ts';
import { EndpointSlice } from '../api/discovery/v1/endpointslice.ts';
import { VirtualMachine } from '../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../api/kubevirt/v1/virtualmachineinstance.ts';
import type { ObjectKey } from '../api/meta/v1.ts';
import { IPAddressPool } from '../api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../api/metallb/v1beta1/l2advertisement.ts';
import type { Client } from '../client/client.ts';
import type { Finding } from '../controllers/servicestatus/finding.ts';
import { whyService } from '../controllers/servicestatus/why.ts';

export async function explainService(client: Client, key: ObjectKey): Promise<readonly Finding[]> {
  const scope = key.namespace === undefined ? {} : { namespace: key.namespace };
  const service = await client.get(Service, key);
  const [slices, pods, nodes, vms, vmis, pools, advertisements] = await Promise.all([
    client.list(EndpointSlice, scope),
    client.list(Pod, scope),
    client.list(Node),
    client.list(VirtualMachine, scope),
    client.list(VirtualMachineInstance, scope),
    client.list(IPAddressPool),
    client.list(L2Advertisement),
  ]);
  return whyService({
    service,
    slices: slices.items,
    pods: pods.items,
    nodes: nodes.items,
    vms: vms.items,
    vmis: vmis.items,
    pools: pools.items,
    advertisements: advertisements.items,
  });
}
