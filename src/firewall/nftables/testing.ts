/** A host whose administrator lets in nothing that is not named, for tests. */
import { DECLARATION } from './layout.ts';

/** As the README has administrators write it. */
export const ADMITTING = (['IPv4', 'IPv6'] as const)
  .flatMap((family) => {
    const ip = family === 'IPv4' ? 'ip' : 'ip6';
    return ['tcp', 'udp'].map(
      (protocol) =>
        `meta l4proto ${protocol} ct original ${ip} daddr . meta l4proto . ct original proto-dst . ct original ${ip} saddr @postern_open_${ip === 'ip' ? 'ipv4' : 'ipv6'} accept`,
    );
  })
  .join('\n    ');

export const ADMINISTRATOR = `table inet filter {
  set postern_open_ipv4 { ${DECLARATION.IPv4}; }
  set postern_open_ipv6 { ${DECLARATION.IPv6}; }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname "lo" accept
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport { 22, 9090-9099 } counter accept comment "the administrator's own"
    ${ADMITTING}
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ${ADMITTING}
  }
}
`;
