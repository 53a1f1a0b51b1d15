/**
 * What keeps guests from being anybody but themselves, as nftables text: frames that enter the bridge from a guest's port have
 * to come from the guest's own MAC and addresses, and to be of a kind that a guest has a reason to send (RFC 2827, RFC 6105,
 * RFC 7610). The rules are the same for any number of guests; who is who is in the sets.
 */
import { familyOf } from '../../lib/ip.ts';
import { type Lease, linkLocalOf, PORT_PREFIX, VETH_PREFIX } from '../leases.ts';

const TABLE = 'bridge postern-network';

/** A port that is in no set gets nothing through. */
const RULES = `
  set guests { type ifname . ether_addr; }
  set addresses4 { type ifname . ipv4_addr; }
  set addresses6 { type ifname . ipv6_addr; }
  set link-locals { type ipv6_addr; }

  chain guest-arp {
    arp htype != 1 drop
    arp ptype != 0x0800 drop
    iifname . arp saddr ether != @guests drop
    iifname . arp saddr ip @addresses4 accept
    # A probe for its own address before it is taken: RFC 5227 section 1.1.
    arp saddr ip 0.0.0.0 accept
    drop
  }
  chain guest-ipv4 {
    udp sport 67 drop
    iifname . ip saddr @addresses4 accept
    # A DHCP client that has no address yet: RFC 2131 section 4.1.
    ip saddr 0.0.0.0 ip daddr 255.255.255.255 udp sport 68 udp dport 67 accept
    drop
  }
  chain guest-ipv6 {
    udp sport 547 drop
    icmpv6 type { nd-router-advert, nd-redirect } drop
    iifname . ip6 saddr @addresses6 accept
    # Before it has an address: RFC 4862 section 5.4.2, RFC 4861 section 6.3.7, RFC 3590.
    ip6 saddr :: icmpv6 type { nd-neighbor-solicit, nd-router-solicit, mld-listener-report, mld2-listener-report } accept
    # Guests that do not form link-local addresses of their MAC reach no further than the node with them.
    ip6 saddr fe80::/64 ip6 saddr != @link-locals accept
    drop
  }
  chain guest {
    iifname . ether saddr != @guests drop
    ether type vmap { arp : goto guest-arp, ip : goto guest-ipv4, ip6 : goto guest-ipv6 }
    drop
  }
  chain prerouting {
    type filter hook prerouting priority filter; policy accept;
    iifname "${PORT_PREFIX}*" goto guest
  }
  # Pods of containers have all that a router would tell them.
  chain output {
    type filter hook output priority filter; policy accept;
    icmpv6 type nd-router-advert oifname "${VETH_PREFIX}*" drop
  }
`;

/** Puts the whole guard in place, for these guests and no others, in one transaction. */
export function printGuard(leases: readonly Lease[]): string {
  return `${printRemoval()}table ${TABLE} {${RULES}}\n${leases.map(printAdmission).join('')}`;
}

/** Lets a guest send as itself. A guest that is there already stays. */
export function printAdmission(lease: Lease): string {
  return elementsOf(lease)
    .map(([set, element]) => `add element ${TABLE} ${set} { ${element} }\n`)
    .join('');
}

/** Takes that back, if it was there. */
export function printDismissal(lease: Lease): string {
  // Adding first, because deleting an element that is not there is an error that undoes the whole transaction.
  const deletions = elementsOf(lease).map(([set, element]) => `delete element ${TABLE} ${set} { ${element} }\n`);
  return `${printAdmission(lease)}${deletions.join('')}`;
}

/** Removes the guard, if it is there. */
export function printRemoval(): string {
  return `table ${TABLE} {}\ndelete table ${TABLE}\n`;
}

function elementsOf(lease: Lease): readonly (readonly [set: string, element: string])[] {
  const { device, mac, addresses } = lease;
  const linkLocal = linkLocalOf(lease);
  return [
    ['guests', `"${device}" . ${mac}`],
    ...addresses.map((address) => [setOf(address), `"${device}" . ${address}`] as const),
    ['addresses6', `"${device}" . ${linkLocal}`],
    ['link-locals', linkLocal],
  ];
}

function setOf(address: string): string {
  return familyOf(address) === 'IPv4' ? 'addresses4' : 'addresses6';
}
