/** A node for tests: what its proxy would forward for some objects, loaded into a netfilter in memory. */
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import { MemoryNetfilter } from '../../netfilter/memory.ts';
import type { Transaction } from '../../netfilter/model.ts';
import { type Outcome, type Packet, trace } from '../../netfilter/trace.ts';
import { desiredForwarding } from '../forwarding/desired.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { type Localities, localitiesOf } from '../locality.ts';
import { NftablesRules } from '../nftables/rules.ts';

export const NODE_NAME = 'node1';
export const NODE_ADDRESSES = ['192.168.50.1', 'fd00:50::1'] as const;
export const CIDRS = {
  podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
  clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR),
};
export const LOCALITIES: Localities = localitiesOf(CIDRS);

export type Objects = readonly (Service | EndpointSlice)[];

/** What is forwarded, and the nftables transactions it makes. */
export class NodeRules {
  readonly table: ForwardingTable;
  readonly rules: NftablesRules;

  constructor(localities: Localities = LOCALITIES) {
    this.table = new ForwardingTable(localities.keys());
    this.rules = new NftablesRules(localities);
  }

  /** Everything anew. */
  takeAll(): Transaction {
    this.table.takeChanges();
    return this.rules.everything(this.table);
  }

  /** What changed since the last time. */
  takeChanges(): Transaction {
    return this.rules.changed(this.table.takeChanges()).transaction;
  }
}

/** Rules with these objects: they are what changed since everything was taken. */
export function nodeRules(
  objects: Objects,
  localities?: Localities,
  own: readonly string[] = NODE_ADDRESSES,
): NodeRules {
  const node = new NodeRules(localities);
  node.takeAll();
  node.table.setNodeAddresses(own.map(mustParseIP));
  for (const object of objects) if (object.kind === 'Service') setService(node.table, object as Service, objects);
  return node;
}

/** Brings a Service up to date; its slices are among the objects. */
export function setService(table: ForwardingTable, service: Service, objects: Objects): void {
  const prefix = `${service.metadata.name}-`;
  const slices = objects.filter(
    (object): object is EndpointSlice =>
      object.kind === 'EndpointSlice' && (object.metadata.name ?? '').startsWith(prefix),
  );
  table.set(`default/${service.metadata.name}`, desiredForwarding(service, slices, { name: NODE_NAME }));
}

/** Asks where connections to this node go. */
export async function nodeWith(
  objects: Objects,
  localities?: Localities,
  own: readonly string[] = NODE_ADDRESSES,
): Promise<(packet: Packet) => readonly Outcome[]> {
  const netfilter = new MemoryNetfilter();
  await netfilter.apply(nodeRules(objects, localities, own).takeAll());
  const isLocal = (ip: string) => own.includes(ip);
  return (packet) =>
    trace(netfilter.tables(), packet, { isLocal, hook: isLocal(packet.saddr) ? 'output' : 'prerouting' });
}
