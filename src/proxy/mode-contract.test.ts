import { describe, test } from 'node:test';
import { besideOthers, skipWithoutNft } from '../host/testing/in-namespace.ts';
import { skipWithoutIptables } from '../netfilter/iptables/testing.ts';

const modes = {
  nftables: skipWithoutNft(),
  'iptables nft': skipWithoutIptables('nft'),
  'iptables legacy': skipWithoutIptables('legacy'),
};

describe('modes', { concurrency: true }, () => {
  for (const [mode, skip] of Object.entries(modes)) {
    test(`${mode} does in a real kernel what every mode does`, { skip }, async () => {
      await besideOthers(new URL('testing/mode-contract.fixture.ts', import.meta.url), [mode]);
    });
  }
});
