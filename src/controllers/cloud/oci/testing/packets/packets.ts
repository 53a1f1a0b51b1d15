/** Where a packet from outside ends up, by what there is in the cloud: an independent judge of what the provider has made. */
import { type CIDR, mustParseCIDR } from '../../../../../lib/ip.ts';
import { prefixOf } from '../addresses.ts';
import type { Cloud, LoadBalancer, NetworkLoadBalancer, Vnic } from '../cloud.ts';
import { alone, type Place, refusal } from './filter.ts';

export interface Packet {
  readonly from: string;
  readonly to: string;
  readonly protocol: 'TCP' | 'UDP';
  readonly port: number;
}

/** The nodes' addresses and ports that it may arrive at, `10.0.0.10:30080`; or why it does not arrive. */
export interface Arrival {
  readonly at: readonly string[];
  readonly lost: readonly string[];
}

const lost = (why: string): Arrival => ({ at: [], lost: [why] });

export function arrival(cloud: Cloud, packet: Packet): Arrival {
  const vnic = cloud.vnics.find((one) => addressesOf(one).includes(packet.to));
  if (vnic !== undefined) return atVnic(cloud, vnic, packet);
  const balancer = balancersOf(cloud).find(({ ipAddresses }) =>
    ipAddresses?.some(({ ipAddress }) => ipAddress === packet.to),
  );
  return balancer === undefined ? lost(`nothing has ${packet.to}`) : throughBalancer(cloud, balancer, packet);
}

const addressesOf = ({ privateIp, publicIp, ipv6Addresses = [] }: Vnic) => [privateIp, publicIp, ...ipv6Addresses];

type Balancer = LoadBalancer | NetworkLoadBalancer;

const balancersOf = (cloud: Cloud): readonly Balancer[] =>
  [...cloud.loadBalancers.all(), ...cloud.networkLoadBalancers.all()].filter(
    ({ lifecycleState }) => lifecycleState === 'ACTIVE' || lifecycleState === 'UPDATING',
  );

const placeOf = ({ id, subnetId, nsgIds = [] }: Vnic): Place => ({
  name: id,
  subnetIds: subnetId === undefined ? [] : [subnetId],
  groups: nsgIds,
});

function atVnic(cloud: Cloud, vnic: Vnic, { from, to, protocol, port }: Packet): Arrival {
  const seen = { peer: alone(from), peerGroups: [], protocol, port };
  const why = refusal(cloud, placeOf(vnic), 'INGRESS', seen);
  return why === undefined ? { at: [`${to}:${port}`], lost: [] } : lost(why);
}

function throughBalancer(cloud: Cloud, balancer: Balancer, { from, protocol, port }: Packet): Arrival {
  const place: Place = {
    name: balancer.displayName,
    subnetIds: 'subnetId' in balancer ? [balancer.subnetId] : (balancer.subnetIds ?? []),
    groups: balancer.networkSecurityGroupIds ?? [],
  };
  const why = refusal(cloud, place, 'INGRESS', { peer: alone(from), peerGroups: [], protocol, port });
  if (why !== undefined) return lost(why);
  const listener = Object.values(balancer.listeners ?? {}).find(
    (one) => one.port === port && takes(one.protocol, protocol),
  );
  if (listener === undefined) return lost(`${place.name} has no listener for ${protocol} ${port}`);
  const set = balancer.backendSets?.[listener.defaultBackendSetName];
  if (set === undefined) return lost(`${place.name} has no backend set ${listener.defaultBackendSetName}`);
  // A load balancer of layer 7 speaks for itself; that of layer 4 sends on what came, as it came.
  const preserves = 'subnetId' in balancer && 'isPreserveSource' in set && set.isPreserveSource !== false;
  const ways = (set.backends ?? []).map((backend) =>
    toBackend(cloud, place, { backend, health: set.healthChecker, protocol, client: preserves ? from : undefined }),
  );
  return {
    at: ways.flatMap(({ at }) => at),
    lost: ways.length === 0 ? [`${set.name} has no backends`] : ways.flatMap((way) => way.lost),
  };
}

/** What the listeners of layer 7 take is TCP. */
const takes = (listener: string, protocol: Packet['protocol']) =>
  listener === protocol ||
  listener === 'TCP_AND_UDP' ||
  listener === 'ANY' ||
  (protocol === 'TCP' && /^(HTTP|HTTP2|GRPC)$/.test(listener));

interface Forwarded {
  readonly backend: { readonly ipAddress?: string; readonly targetId?: string; readonly port: number };
  readonly health: { readonly protocol: string; readonly port?: number };
  readonly protocol: Packet['protocol'];
  /** Undefined: the node sees the load balancer's address. */
  readonly client: string | undefined;
}

function toBackend(cloud: Cloud, from: Place, { backend, health, protocol, client }: Forwarded): Arrival {
  const vnic = vnicOf(cloud, backend);
  const address = backend.ipAddress ?? vnic?.privateIp;
  if (vnic === undefined || address === undefined)
    return lost(`there is no node at ${backend.ipAddress ?? backend.targetId}`);
  const own = prefixesOf(cloud, from, address);
  const whys = [
    ...pass(cloud, from, vnic, {
      address,
      peers: client === undefined ? own : [alone(client)],
      protocol,
      port: backend.port,
    }),
    ...pass(cloud, from, vnic, {
      address,
      peers: own,
      protocol: health.protocol === 'UDP' ? 'UDP' : 'TCP',
      port: health.port || backend.port,
    }).map((why) => `health check: ${why}`),
  ];
  return whys.length === 0 ? { at: [`${address}:${backend.port}`], lost: [] } : { at: [], lost: whys };
}

interface Leg {
  readonly address: string;
  /** Whom the node takes it to be from. */
  readonly peers: readonly CIDR[];
  readonly protocol: Packet['protocol'];
  readonly port: number;
}

/** Out of the load balancer's subnets, and into the node's. */
function pass(cloud: Cloud, from: Place, vnic: Vnic, { address, peers, protocol, port }: Leg): readonly string[] {
  const { nsgIds = [] } = vnic;
  const out = refusal(cloud, from, 'EGRESS', { peer: alone(address), peerGroups: nsgIds, protocol, port });
  const into = peers.map((peer) =>
    refusal(cloud, placeOf(vnic), 'INGRESS', { peer, peerGroups: from.groups, protocol, port }),
  );
  return [out, ...into].filter((why) => why !== undefined);
}

/** A load balancer's own addresses may be any of its subnets'. */
function prefixesOf(cloud: Cloud, { subnetIds }: Place, backend: string): readonly CIDR[] {
  const family = backend.includes(':') ? 'IPv6' : 'IPv4';
  return subnetIds.flatMap((id) => {
    const subnet = cloud.subnets.get(id);
    const prefix = subnet && prefixOf(subnet, family);
    return prefix === undefined ? [] : [mustParseCIDR(prefix)];
  });
}

function vnicOf(cloud: Cloud, { ipAddress, targetId }: Forwarded['backend']): Vnic | undefined {
  const attached = cloud.vnicAttachments.find(({ instanceId }) => instanceId === targetId)?.vnicId;
  return cloud.vnics.find((one) =>
    ipAddress === undefined ? one.id === attached : addressesOf(one).includes(ipAddress),
  );
}
