// Who reaches what is enforced, with real packets. Runs alone in namespaces: see nftables-firewall.test.ts.
import { execFileSync } from 'node:child_process';
import { openLibnftables } from '../../host/libnftables.ts';
import { enforceContract } from '../testing/enforce-contract.ts';
import { CLIENT } from '../testing/packets.ts';
import { nftablesFirewall } from './nftables-firewall.ts';

const ADMINISTRATOR = `table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    meta l4proto { icmp, ipv6-icmp } accept
    iifname "lan" ip saddr ${CLIENT.IPv4} tcp dport { 80, 30080 } accept
    iifname "lan" ip6 saddr ${CLIENT.IPv6} tcp dport { 80, 30080 } accept
    iifname "pods" tcp dport { 80, 30080 } accept
  }
}
`;

const nft = (input: string) => void execFileSync('nft', ['-f', '-'], { input });

enforceContract('nftables', {
  setUp: async () => nft(ADMINISTRATOR),
  open: async (clock) => nftablesFirewall({ nft: await openLibnftables(), interface: 'lan', clock }),
  admitAll: {
    'a rule': { make: async () => nft('add rule inet filter input tcp dport { 80, 30080 } accept') },
  },
  table: 'postern-enforce-nftables',
});
