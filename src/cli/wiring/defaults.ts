/** Defaults that several commands share. */
import { fileURLToPath } from 'node:url';

export const DEFAULT_CLUSTER_CIDRS = '10.244.0.0/16,fd00:10:244::/48';
export const DEFAULT_SERVICE_CIDRS = '10.96.0.0/16,fd00:10:96::/112';
export const CLUSTER_DOMAIN = 'cluster.local';
/** What pods and guests of a node are connected to: its name where code is not to load the whole network. */
export const BRIDGE = 'postern0';
export const NODE_PORTS = { first: 30_000, last: 32_767 } as const;

/** The folder that the program lives in. */
export const PROGRAM_DIR = fileURLToPath(new URL('../../../', import.meta.url));
/** The program itself, for processes of ours that are started as a command. */
export const PROGRAM = `${PROGRAM_DIR}postern`;
/** Guest images that every cluster on this machine shares, unless told otherwise. */
export const IMAGE_DIR = process.env['POSTERN_IMAGE_DIR'] ?? `${PROGRAM_DIR}.cache/images`;

/** Where containerd listens unless it is told otherwise. */
export const CONTAINERD_ENDPOINT = 'unix:///run/containerd/containerd.sock';

/** The part of a comma-separated list of prefixes that belongs to the given families, in their order. */
export function forFamilies(cidrs: string, families: readonly ('IPv4' | 'IPv6')[]): string {
  const all = cidrs.split(',');
  return families.map((family) => all.find((cidr) => cidr.includes(':') === (family === 'IPv6'))).join(',');
}

/** Ports of a node proxy, those of kube-proxy: whoever watches nodes knows them. Health is for all, metrics for this machine. */
export const PROXY_HEALTH_PORT = 10256;
export const PROXY_METRICS_PORT = 10249;
/** In an agent's state directory: where its proxy answers the same as at that port, to other network namespaces too. */
export const PROXY_SOCKET = 'proxy.sock';

/** Metrics of a node's announcer, for this machine: the port of MetalLB's speaker, which whoever watches nodes knows. */
export const L2_METRICS_PORT = 7472;
/** Where a node's announcer tells how it is, to programs of its own machine. */
export const L2_SOCKET = '/run/postern/l2.sock';
/** The same in an agent's state directory, to other network namespaces too. */
export const L2_STATE_SOCKET = 'l2.sock';

/** Where a node's agent tells what it found out by trying the exposed ports of other nodes; and in its state directory. */
export const FIREWALL_SOCKET = '/run/postern/firewall.sock';
export const FIREWALL_STATE_SOCKET = 'firewall.sock';

/** Metrics of a DNS server that runs alone: the port of CoreDNS's. */
export const DNS_METRICS_PORT = 9153;
