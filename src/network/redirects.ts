/**
 * Keeps the node from telling guests that they reach each other directly (ICMP redirects, RFC 792 and RFC 4861 section
 * 4.5): their ports are isolated, so what they would send then is lost. IPv6 has no kernel parameter for it, and IPv4's
 * works only when it is off for the whole machine; a filter on the bridge's way out leaves the rest of the machine alone.
 */
import { BRIDGE } from './bridge.ts';

const TABLE = 'inet postern-network';

const RULES = `table ${TABLE} {}
delete table ${TABLE}
table ${TABLE} {
  chain output {
    type filter hook output priority filter; policy accept;
    oifname "${BRIDGE}" icmp type redirect drop
    oifname "${BRIDGE}" icmpv6 type nd-redirect drop
  }
}
`;

/** Puts the filter in place. */
export function printRedirectFilter(): string {
  return RULES;
}

/** Removes it, if it is there. */
export function printRedirectRemoval(): string {
  return `table ${TABLE} {}\ndelete table ${TABLE}\n`;
}
