import { describe, test } from 'node:test';
import { besideOthers, skipWithoutNft } from '../../host/testing/in-namespace.ts';
import { IPTABLES_VARIANTS } from '../../netfilter/iptables/iptables.ts';
import { skipWithoutIptables } from '../../netfilter/iptables/testing.ts';

// One after the other in each variant, and both variants beside each other: each test is in namespaces of its own.
describe('iptables', { concurrency: true }, () => {
  for (const variant of IPTABLES_VARIANTS) {
    describe(`of the variant ${variant}`, { concurrency: 1 }, () => {
      const skip = skipWithoutIptables(variant);

      test('the kernel’s iptables keep the contract of firewalls', { skip }, async () => {
        await besideOthers(new URL('contract.fixture.ts', import.meta.url), [variant]);
      });

      test('packets get through a host that drops by default, where iptables are told so', { skip }, async () => {
        await besideOthers(new URL('packets.fixture.ts', import.meta.url), [variant]);
      });

      const skipEnforced = skip || skipWithoutNft();
      test('what is enforced is reached by those whom rules of iptables admit', { skip: skipEnforced }, async () => {
        await besideOthers(new URL('enforce.fixture.ts', import.meta.url), [variant]);
      });
    });
  }
});
