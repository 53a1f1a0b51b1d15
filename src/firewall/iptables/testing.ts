/** A host whose administrator lets in nothing that is not named, for tests. */
import { execFileSync } from 'node:child_process';
import type { IptablesVariant } from '../../netfilter/iptables/iptables.ts';
import { openIptables } from '../../netfilter/iptables/kernel.ts';
import type { FirewallBackend } from '../backend.ts';
import { iptablesFirewall } from './iptables-firewall.ts';

/** The variant that the command line of a fixture names. */
export const VARIANT: IptablesVariant = process.argv[2] === 'legacy' ? 'legacy' : 'nft';

const ADMINISTRATOR = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:admitted - [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p %icmp% -j ACCEPT
-A INPUT -j admitted
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -m comment --comment "what was let in" -j ACCEPT
-A admitted -p tcp -m multiport --dports 22,9090:9099 -j ACCEPT
-A admitted -p tcp -m limit --limit 5/min -j LOG --log-prefix "refused "
COMMIT
`;

/** Loads the administrator's rules, in place of all others. */
export function administrate(): void {
  for (const [tool, icmp] of [
    ['iptables', 'icmp'],
    ['ip6tables', 'ipv6-icmp'],
  ] as const) {
    execFileSync(`${tool}-${VARIANT}-restore`, [], { input: ADMINISTRATOR.replace('%icmp%', icmp) });
  }
}

export async function openFirewall(): Promise<FirewallBackend> {
  return iptablesFirewall({ iptables: await openIptables({ variant: VARIANT }) });
}
