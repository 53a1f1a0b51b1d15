/**
 * The world that the proxy is tested in, as data. The node under test is `node1`, with two pods on its bridge; `node2` is another
 * node's kernel without a proxy, with two pods of its own. `client` is on their LAN, `remote` in another network behind
 * a router. Neither of those two has a route to pods: a reply that kept a pod's address would never be understood.
 */
import { IP_FAMILIES, type IPFamily } from '../../../lib/ip.ts';

export type Addresses = Readonly<Record<IPFamily, string>>;

const pod = (node: 1 | 2, host: number): Addresses => ({
  IPv4: `10.244.${node}.${host}`,
  IPv6: `fd00:10:244:${node}::${host}`,
});
const lan = (host: number): Addresses => ({ IPv4: `192.168.50.${host}`, IPv6: `fd00:50::${host}` });

/** Pods, by name: the letter says on which node. */
export const PODS = { a1: pod(1, 11), a2: pod(1, 12), b1: pod(2, 11), b2: pod(2, 12) } as const;
export type PodName = keyof typeof PODS;
export const nodeOf = (name: PodName): 'node1' | 'node2' => (name.startsWith('a') ? 'node1' : 'node2');

/** What a node's pods have as their gateway. */
export const GATEWAYS = { node1: pod(1, 1), node2: pod(2, 1) } as const;
export const NODES = { node1: lan(1), node2: lan(2) } as const;
export const ROUTER = lan(254);
export const CLIENT = lan(9);
export const REMOTE: Addresses = { IPv4: '198.51.100.9', IPv6: 'fd00:51::9' };
export const REMOTE_GATEWAY: Addresses = { IPv4: '198.51.100.254', IPv6: 'fd00:51::254' };

/** Further addresses of the client: a client by each of them is another client. */
export const MORE_CLIENTS: readonly Addresses[] = Array.from({ length: 16 }, (_, number) => lan(64 + number));

/** Prefixes that lead to node1, wherever the packet comes from: Services' own addresses. */
export const VIRTUAL_PREFIXES: Readonly<Record<IPFamily, readonly string[]>> = {
  IPv4: ['10.96.0.0/16', '172.30.0.0/16'],
  IPv6: ['fd00:10:96::/64', 'fd00:30::/64'],
};
export const POD_PREFIXES = {
  node1: { IPv4: '10.244.1.0/24', IPv6: 'fd00:10:244:1::/64' },
  node2: { IPv4: '10.244.2.0/24', IPv6: 'fd00:10:244:2::/64' },
} as const;
export const CLUSTER_PREFIXES: Addresses = { IPv4: '10.244.0.0/16', IPv6: 'fd00:10:244::/48' };
/** The device of node1 that its pods are behind. */
export const BRIDGE = 'postern0';

/** The ports that everyone but the client serves, over every protocol. */
export const PORTS = [9376, 9377] as const;

/** Whoever can be told to connect. */
export type ActorName = PodName | 'node1' | 'client' | 'remote';

/** Whose address it is: every address of a node is the node. */
export function ownerOf(address: string): string {
  return OWNERS.get(address) ?? address;
}

const OWNERS: ReadonlyMap<string, string> = new Map(
  IP_FAMILIES.flatMap((family) => [
    ...Object.entries(PODS).map(([name, addresses]) => [addresses[family], name] as const),
    ...Object.entries(NODES).map(([name, addresses]) => [addresses[family], name] as const),
    ...Object.entries(GATEWAYS).map(([name, addresses]) => [addresses[family], name] as const),
    ...MORE_CLIENTS.map((addresses, number) => [addresses[family], `client-${number}`] as const),
    [CLIENT[family], 'client'],
    [REMOTE[family], 'remote'],
  ]),
);
