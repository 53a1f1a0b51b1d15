import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../host/testing/in-namespace.ts';
import { skipWithoutIptables } from '../netfilter/iptables/testing.ts';

const modes = {
  nftables: skipWithoutNft(),
  'iptables nft': skipWithoutIptables('nft'),
  'iptables legacy': skipWithoutIptables('legacy'),
};

for (const [mode, skip] of Object.entries(modes)) {
  test(`the mode ${mode} does in a real kernel what every mode does`, { skip }, () => {
    inNamespace(new URL('testing/mode-contract.fixture.ts', import.meta.url), [mode]);
  });
}
