// Real packets through a host that drops by default. Runs alone in namespaces: see nftables-firewall.test.ts.
import { execFileSync } from 'node:child_process';
import { openLibnftables } from '../../host/libnftables.ts';
import { packetContract } from '../testing/packet-contract.ts';
import { nftablesFirewall } from './nftables-firewall.ts';
import { ADMINISTRATOR } from './testing.ts';

packetContract('nftables', {
  setUp: async () => void execFileSync('nft', ['-f', '-'], { input: ADMINISTRATOR }),
  letsGuestsAsk: true,
  open: async () => nftablesFirewall({ nft: await openLibnftables() }),
});
