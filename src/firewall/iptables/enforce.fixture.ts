// Who reaches what is enforced, with real packets. Runs alone in namespaces: see iptables-firewall.test.ts.
import { execFileSync } from 'node:child_process';
import { openLibnftables } from '../../host/libnftables.ts';
import { openIptables } from '../../netfilter/iptables/kernel.ts';
import { enforceContract } from '../testing/enforce-contract.ts';
import { CLIENT } from '../testing/packets.ts';
import { iptablesFirewall } from './iptables-firewall.ts';
import { VARIANT } from './testing.ts';

const rules = (client: string) => `*filter
:INPUT DROP [0:0]
:FORWARD ACCEPT [0:0]
-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p ipv6-icmp -j ACCEPT
-A INPUT -s ${client} -i lan -p tcp -m multiport --dports 80,30080 -j ACCEPT
COMMIT
`;

const TOOLS = [
  ['iptables', CLIENT.IPv4],
  ['ip6tables', CLIENT.IPv6],
] as const;

enforceContract(`iptables, variant ${VARIANT}`, {
  setUp: async () => {
    for (const [tool, client] of TOOLS) execFileSync(`${tool}-${VARIANT}-restore`, [], { input: rules(client) });
  },
  open: async (clock) => {
    const iptables = await openIptables({ variant: VARIANT });
    return iptablesFirewall({ iptables, nft: await openLibnftables(), interface: 'lan', guests: 'pods', clock });
  },
  admitAll: {
    'a rule': {
      make: async () => {
        const rule = ['-A', 'INPUT', '-p', 'tcp', '-m', 'multiport', '--dports', '80,30080', '-j', 'ACCEPT'];
        for (const [tool] of TOOLS) execFileSync(`${tool}-${VARIANT}`, rule);
      },
    },
  },
  table: 'postern-enforce-iptables',
});
