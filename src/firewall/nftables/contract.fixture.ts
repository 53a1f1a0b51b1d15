// The contract against the kernel. Runs alone in a network namespace: see nftables-firewall.test.ts.
import { openLibnftables } from '../../host/libnftables.ts';
import { runCommand } from '../../host/process.ts';
import { firewallContract } from '../contract.ts';
import { nftablesFirewall } from './nftables-firewall.ts';
import { ADMINISTRATOR } from './testing.ts';

const STRANGERS =
  'table ip strange { set open { type ipv4_addr; elements = { 192.0.2.1 } }; chain c { tcp dport 22 accept; }; }';

const nft = async (input: string) => {
  await runCommand(['nft', '-f', '-'], { input });
};

firewallContract('nftables', {
  setUp: () => nft(ADMINISTRATOR),
  open: async () => nftablesFirewall({ nft: await openLibnftables() }),
  dump: async () => (await runCommand(['nft', '--stateless', 'list', 'ruleset'])).stdout,
  strangers: () => nft(STRANGERS),
  damages: {
    'all rules are loaded anew': () => nft(`flush ruleset\n${ADMINISTRATOR}${STRANGERS}`),
    'our table is removed': () => nft('delete table ip postern-firewall'),
    'the administrator’s set is emptied': () => nft('flush set inet filter postern_open_ipv4'),
  },
});
