/** A host whose administrator lets in nothing that is not named, for tests. */
import { readFileSync } from 'node:fs';
import { IP_FAMILIES } from '../../lib/ip.ts';
import { AUDIENCES, declaration, MANAGED_SETS } from './layout.ts';
import { POD_SETS, podDeclaration } from './pods.ts';

const SETS = IP_FAMILIES.flatMap((family) =>
  AUDIENCES.map((audience) => `  set ${MANAGED_SETS[family][audience]} { ${declaration(family, audience)} }\n`),
).join('');
const POD_DECLARATIONS = IP_FAMILIES.flatMap((family) =>
  Object.values(POD_SETS[family]).map((name) => `  set ${name} { ${podDeclaration(family)} }\n`),
).join('');

/** What lets in what our sets have, as the README has administrators write it: the rules of its first block of nft. */
export const ADMITTING = readAdmitting();

function readAdmitting(): string {
  const readme = readFileSync(new URL('README.md', import.meta.url), 'utf8');
  const [, rules] = /chain exposed \{\n([^}]*)\}/.exec(readme) ?? [];
  if (rules === undefined) throw new Error('README.md: no chain exposed');
  return rules.trimEnd();
}

export const ADMINISTRATOR = `table inet filter {
${SETS}${POD_DECLARATIONS}
  chain exposed {
${ADMITTING}
  }
  chain input {
    type filter hook input priority filter; policy drop;
    ct state vmap { established : accept, related : accept, invalid : drop }
    iifname "lo" accept
    meta l4proto { icmp, ipv6-icmp } accept
    tcp dport { 22, 9090-9099 } counter accept comment "the administrator's own"
    jump exposed
    iifname "postern0" meta l4proto { tcp, udp } th dport { 53, 67, 547, 6443 } accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    ct state established,related accept
    ct status dnat jump exposed
    ip saddr @${POD_SETS.IPv4.peers} ip daddr @${POD_SETS.IPv4.pods} accept
    ip6 saddr @${POD_SETS.IPv6.peers} ip6 daddr @${POD_SETS.IPv6.pods} accept
  }
}
`;
