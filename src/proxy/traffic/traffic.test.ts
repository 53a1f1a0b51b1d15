import { describe, test } from 'node:test';
import { besideOthers, skipWithoutNft } from '../../host/testing/in-namespace.ts';
import { skipWithoutIptables } from '../../netfilter/iptables/testing.ts';

const modes = {
  nftables: skipWithoutNft(),
  'iptables nft': skipWithoutIptables('nft') || skipWithoutNft(),
  'iptables legacy': skipWithoutIptables('legacy') || skipWithoutNft(),
};

describe('connections, packets and bytes are counted exactly, whoever connects to whom', { concurrency: true }, () => {
  for (const [mode, skip] of Object.entries(modes)) {
    test(`in the mode ${mode}`, { skip }, async () => {
      await besideOthers(new URL('traffic.fixture.ts', import.meta.url), [mode]);
    });
  }
});
