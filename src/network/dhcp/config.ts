/**
 * What dnsmasq is told, as text. It gives guests their addresses by DHCP; names and router advertisements are
 * not its business. https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html
 */
import { type CIDR, familyOf, printIP } from '../../lib/ip.ts';
import { BRIDGE, gatewayOf } from '../bridge.ts';
import { isContainerLease, type Lease } from '../leases.ts';

/** The configuration. Same leases in, same text out. */
export function desiredDhcp(input: {
  readonly podCIDRs: readonly CIDR[];
  readonly leases: readonly Lease[];
  readonly clusterDomain: string;
  /** Of guests' packets; undefined: as their systems would have it. */
  readonly mtu?: number | undefined;
}): string {
  const { podCIDRs, clusterDomain, mtu } = input;
  // Pods of containers do not ask: their addresses are there from the beginning.
  const leases = input.leases.filter((lease) => !isContainerLease(lease)).sort((a, b) => (a.mac < b.mac ? -1 : 1));
  const namespaces = [...new Set(leases.map(namespaceOf))].sort();
  const lines = [
    'port=0',
    `interface=${BRIDGE}`,
    'except-interface=lo',
    'pid-file',
    // Only the bridge's sockets, so that other DHCP servers of this machine keep theirs.
    'bind-dynamic',
    'dhcp-authoritative',
    'no-ping',
    'leasefile-ro',
    'no-resolv',
    'no-hosts',
    'quiet-dhcp',
    'quiet-dhcp6',
    ...podCIDRs.flatMap((cidr) => (cidr.base.family === 'IPv4' ? range4(cidr, mtu) : range6(cidr, clusterDomain))),
    ...leases.map((lease) => `dhcp-host=${printHost(lease)}`),
    ...namespaces.map((namespace) => `dhcp-option=${searchOption(namespace, clusterDomain)}`),
    '',
  ];
  return lines.join('\n');
}

function range4(cidr: CIDR, mtu: number | undefined): readonly string[] {
  const gateway = gatewayOf(cidr);
  return [
    `dhcp-range=${printIP(cidr.base)},static,${netmask(cidr.prefix)},1h`,
    `dhcp-option=option:router,${gateway}`,
    `dhcp-option=option:dns-server,${gateway}`,
    ...(mtu === undefined ? [] : [`dhcp-option=option:mtu,${mtu}`]),
  ];
}

/**
 * By what `ra/` advertises a guest forms the address that it was assigned (prefix and EUI-64); DHCPv6 gives the same one to
 * guests that make up other interface identifiers.
 */
function range6(cidr: CIDR, clusterDomain: string): readonly string[] {
  return [
    `dhcp-range=${printIP(cidr.base)},static,${cidr.prefix},1h`,
    `dhcp-option=option6:dns-server,[${gatewayOf(cidr)}]`,
    `dhcp-option=option6:domain-search,svc.${clusterDomain},${clusterDomain}`,
  ];
}

function printHost(lease: Lease): string {
  const addresses = lease.addresses.map((address) => (familyOf(address) === 'IPv6' ? `[${address}]` : address));
  // Names end up in a text whose separator is the comma: only what is a DNS label goes in.
  const name = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i.test(lease.hostname) ? [lease.hostname] : [];
  return [lease.mac, `set:${tagOf(namespaceOf(lease))}`, ...addresses, ...name].join(',');
}

function searchOption(namespace: string, clusterDomain: string): string {
  const domains = [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  return `tag:${tagOf(namespace)},option:domain-search,${domains.join(',')}`;
}

/** Tags are made of what a DNS label is made of. */
function tagOf(namespace: string): string {
  return `ns-${namespace}`;
}

function namespaceOf(lease: Lease): string {
  const namespace = lease.podKey.slice(0, lease.podKey.indexOf('/'));
  return /^[a-z0-9-]{1,63}$/.test(namespace) ? namespace : 'default';
}

function netmask(prefix: number): string {
  return printIP({ family: 'IPv4', value: ((1n << BigInt(prefix)) - 1n) << BigInt(32 - prefix) });
}
