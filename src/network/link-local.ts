/** Link-local addresses: RFC 4291 section 2.5.6. */
import { type IPAddress, mustParseCIDR } from '../lib/ip.ts';
import { eui64Address } from '../lib/mac.ts';

const LINK_LOCAL = mustParseCIDR('fe80::/64');

/** The link-local address that is formed of a MAC. */
export function linkLocalOfMAC(mac: Uint8Array): IPAddress {
  return eui64Address(LINK_LOCAL, mac);
}
