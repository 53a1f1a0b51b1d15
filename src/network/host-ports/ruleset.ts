/**
 * Ports of the node that lead to its pods, as nftables text: a table of our own per family, whichever way the node proxy
 * programs the kernel. The rules are the same for any number of pods; what leads where is in maps.
 */
import { type CIDR, IP_FAMILIES } from '../../lib/ip.ts';
import { BRIDGE, gatewayOf } from '../bridge.ts';
import type { HostPortElement, HostPorts } from './desired.ts';

const NAME = 'postern-host-ports';

/** `own`: addresses at which no pod can be, since nothing leads from them out of the node. */
const WORDS = {
  IPv4: { table: `ip ${NAME}`, ip: 'ip', address: 'ipv4_addr', loopback: '127.0.0.0/8', own: [] },
  IPv6: { table: `ip6 ${NAME}`, ip: 'ip6', address: 'ipv6_addr', loopback: '::1', own: ['::1'] },
} as const;

/**
 * Puts a table in place for each family that this node's pods have, with these ports and no others, in one transaction.
 */
export function printHostPorts(ports: HostPorts, podCIDRs: readonly CIDR[]): string {
  const tables = podCIDRs.map((cidr) => `table ${WORDS[cidr.base.family].table} {${rules(cidr)}}\n`);
  return `${printHostPortRemoval()}${tables.join('')}${[...ports.values()].map(addition).join('')}`;
}

/** What changes from one to the other; empty when nothing does. */
export function printHostPortChange(before: HostPorts, after: HostPorts): string {
  const [gone, come] = [missing(before, after), missing(after, before)];
  return [...gone.map(deletion), ...come.map(addition)].join('');
}

/** What one has and the other has not, or with another value. */
function missing(present: HostPorts, other: HostPorts): readonly HostPortElement[] {
  return [...present].flatMap(([key, element]) => {
    const same = other.get(key);
    return same !== undefined && same.value === element.value ? [] : [element];
  });
}

/** Removes the tables, if they are there. */
export function printHostPortRemoval(): string {
  return IP_FAMILIES.map((family) => `table ${WORDS[family].table} {}\ndelete table ${WORDS[family].table}\n`).join('');
}

/**
 * Services come first: their proxy translates at priority -100, and a port of an address that a Service has is the Service's.
 * The node's own connections to 127.0.0.1 leave through the bridge with another source (`route_localnet`), so packets on the
 * bridge that bear such addresses have to be kept from what listens there.
 */
function rules(podCIDR: CIDR): string {
  const { ip, address, loopback, own } = WORDS[podCIDR.base.family];
  return `
  map at-address { type ${address} . inet_proto . inet_service : ${address} . inet_service; }
  map at-any { type inet_proto . inet_service : ${address} . inet_service; }
  set own { type ${address} . ${address}; }

  chain translate {
    meta l4proto != { tcp, udp, sctp } return
    # What the node itself serves to its pods and guests stays there: their DNS.
    ${ip} daddr { ${[gatewayOf(podCIDR), ...own].join(', ')} } return
    dnat ${ip} to ${ip} daddr . meta l4proto . th dport map @at-address
    dnat ${ip} to meta l4proto . th dport map @at-any
  }
  chain guard-loopback {
    type filter hook prerouting priority -300; policy accept;
    iifname "${BRIDGE}" ${ip} saddr ${loopback} drop
    iifname "${BRIDGE}" ${ip} daddr ${loopback} drop
  }
  chain prerouting {
    type nat hook prerouting priority -99; policy accept;
    fib daddr type local jump translate
  }
  chain output {
    type nat hook output priority -99; policy accept;
    fib daddr type local jump translate
  }
  chain postrouting {
    type nat hook postrouting priority 101; policy accept;
    # A pod that asks for its own port would take itself for the client.
    ct status dnat ${ip} saddr . ${ip} daddr @own masquerade
    ct status dnat oifname "${BRIDGE}" ${ip} saddr ${loopback} masquerade
  }
`;
}

function addition(element: HostPortElement): string {
  const value = element.value === undefined ? '' : ` : ${element.value}`;
  return `add element ${WORDS[element.family].table} ${element.set} { ${element.key}${value} }\n`;
}

function deletion(element: HostPortElement): string {
  return `delete element ${WORDS[element.family].table} ${element.set} { ${element.key} }\n`;
}
