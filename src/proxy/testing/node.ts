/** A node for tests: what its proxy would forward for some objects, loaded into a netfilter in memory. */
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { type IPFamily, mustParseIP } from '../../lib/ip.ts';
import { MemoryNetfilter } from '../../netfilter/memory.ts';
import { type Outcome, type Packet, trace } from '../../netfilter/trace.ts';
import { desiredForwarding } from '../desired.ts';
import { ForwardingTable } from '../forwarding-table.ts';
import type { Locality } from '../layout.ts';

export const NODE_NAME = 'node1';
export const NODE_ADDRESSES = ['192.168.50.1', 'fd00:50::1'] as const;
export const LOCALITIES: ReadonlyMap<IPFamily, Locality> = new Map([
  ['IPv4', { podCIDRs: ['10.244.1.0/24'], clusterCIDRs: ['10.244.0.0/16'] }],
  ['IPv6', { podCIDRs: ['fd00:10:244:1::/64'], clusterCIDRs: ['fd00:10:244::/48'] }],
]);

export type Objects = readonly (Service | EndpointSlice)[];

/** A table with these objects: they are what changed since it was taken. */
export function forwardingTable(objects: Objects): ForwardingTable {
  const table = new ForwardingTable(LOCALITIES);
  table.takeAll();
  table.setNodeAddresses(NODE_ADDRESSES.map(mustParseIP));
  for (const object of objects) if (object.kind === 'Service') setService(table, object as Service, objects);
  return table;
}

/** Brings a Service up to date; its slices are among the objects. */
export function setService(table: ForwardingTable, service: Service, objects: Objects): void {
  const prefix = `${service.metadata.name}-`;
  const slices = objects.filter(
    (object): object is EndpointSlice =>
      object.kind === 'EndpointSlice' && (object.metadata.name ?? '').startsWith(prefix),
  );
  table.set(`default/${service.metadata.name}`, desiredForwarding(service, slices, NODE_NAME));
}

/** Asks where connections to this node go. */
export async function nodeWith(objects: Objects): Promise<(packet: Packet) => readonly Outcome[]> {
  const netfilter = new MemoryNetfilter();
  await netfilter.apply(forwardingTable(objects).takeAll());
  const isLocal = (ip: string) => NODE_ADDRESSES.some((address) => address === ip);
  return (packet) =>
    trace(netfilter.tables(), packet, { isLocal, hook: isLocal(packet.saddr) ? 'output' : 'prerouting' });
}
