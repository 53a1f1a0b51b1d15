import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';
import { skipWithoutIptables } from '../../netfilter/iptables/testing.ts';

const modes = {
  nftables: skipWithoutNft(),
  'iptables nft': skipWithoutIptables('nft') || skipWithoutNft(),
  'iptables legacy': skipWithoutIptables('legacy') || skipWithoutNft(),
};

for (const [mode, skip] of Object.entries(modes)) {
  test(`${mode}: connections, packets and bytes are counted exactly, whoever connects to whom`, { skip }, () => {
    inNamespace(new URL('traffic.fixture.ts', import.meta.url), [mode]);
  });
}
