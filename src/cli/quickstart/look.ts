/** What the steps read from the API, in the words the steps use. */

import { Node } from '../../api/core/v1/node.ts';
import { type Service, Service as ServiceKind } from '../../api/core/v1/service.ts';
import { EndpointSlice, SERVICE_NAME_LABEL } from '../../api/discovery/v1/endpointslice.ts';
import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { type Cluster, NAMESPACE, SERVICE } from './cluster.ts';

export interface ReadyEndpoint {
  readonly family: IPFamily;
  readonly address: string;
  /** The virtual machine behind it. */
  readonly guest: string;
}

/** The ready endpoints of the Service, from its slices. */
export async function readyEndpoints(cluster: Cluster): Promise<readonly ReadyEndpoint[]> {
  const { items } = await cluster.client.list(EndpointSlice, {
    namespace: NAMESPACE,
    labelSelector: `${SERVICE_NAME_LABEL}=${SERVICE.name}`,
  });
  return items.flatMap((slice) =>
    (slice.endpoints ?? [])
      .filter((endpoint) => endpoint.conditions?.ready !== false)
      .map((endpoint) => ({
        family: slice.addressType as IPFamily,
        address: endpoint.addresses[0] ?? '',
        guest: guestOfPod(endpoint.targetRef?.name ?? ''),
      })),
  );
}

/** `virt-launcher-example-vm-2-x7k2p` → `example-vm-2`. */
function guestOfPod(pod: string): string {
  return pod.replace(/^virt-launcher-/, '').replace(/-[^-]+$/, '');
}

/** The Service’s endpoints once they are exactly those of the given guests, each in both families. */
export async function endpointsOf(
  cluster: Cluster,
  guests: readonly string[],
): Promise<readonly ReadyEndpoint[] | undefined> {
  const endpoints = await readyEndpoints(cluster);
  const found = endpoints.map(({ family, guest }) => `${guest} ${family}`).sort();
  const wanted = guests.flatMap((guest) => [`${guest} IPv4`, `${guest} IPv6`]).sort();
  return found.join() === wanted.join() ? endpoints : undefined;
}

/** What keeps guests from being ready, in the words of their own conditions: with the console's last lines when it is late. */
export async function whyNotReady(cluster: Cluster, names: readonly string[]): Promise<string> {
  const reasons = new Map<string, string[]>();
  for (const name of names) {
    const { conditions, phase } = (await instance(cluster, name))?.status ?? {};
    const ready = findCondition(conditions, 'Ready');
    if (ready?.status === 'True') continue;
    const reason = ready?.message ?? phase ?? 'its instance is not there yet';
    reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
  }
  return [...reasons].map(([reason, of]) => `${of.join(', ')}: ${reason}`).join('; ');
}

export async function service(cluster: Cluster): Promise<Service> {
  return cluster.client.get(ServiceKind, SERVICE);
}

export async function instance(cluster: Cluster, name: string): Promise<VirtualMachineInstance | undefined> {
  return cluster.find(VirtualMachineInstance, { namespace: NAMESPACE, name });
}

export async function machine(cluster: Cluster, name: string): Promise<VirtualMachine | undefined> {
  return cluster.find(VirtualMachine, { namespace: NAMESPACE, name });
}

export interface NodeAddresses {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** Every node and its addresses on the LAN. */
export async function nodes(cluster: Cluster): Promise<readonly NodeAddresses[]> {
  const { items } = await cluster.client.list(Node);
  return items
    .map((node) => ({
      name: node.metadata.name ?? '',
      addresses: (node.status?.addresses ?? [])
        .filter(({ type }) => type === 'InternalIP')
        .map(({ address }) => address),
    }))
    .sort((a, b) => a.name.localeCompare(b.name));
}

/** `http://HOST:PORT/` with IPv6 addresses in brackets. */
export function url(host: string, port = 80): string {
  const name = host.includes(':') ? `[${host}]` : host;
  return port === 80 ? `http://${name}/` : `http://${name}:${port}/`;
}
