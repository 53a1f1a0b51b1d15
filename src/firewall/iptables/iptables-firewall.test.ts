import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';
import { IPTABLES_VARIANTS } from '../../netfilter/iptables/iptables.ts';
import { skipWithoutIptables } from '../../netfilter/iptables/testing.ts';

for (const variant of IPTABLES_VARIANTS) {
  const skip = skipWithoutIptables(variant);

  test(`iptables of the variant ${variant} keep the contract of firewalls`, { skip }, () => {
    inNamespace(new URL('contract.fixture.ts', import.meta.url), [variant]);
  });

  test(`packets get through a host that drops by default, where iptables (${variant}) are told so`, { skip }, () => {
    inNamespace(new URL('packets.fixture.ts', import.meta.url), [variant]);
  });

  const skipEnforced = skip || skipWithoutNft();
  test(`what is enforced is reached by those whom rules of iptables (${variant}) admit`, { skip: skipEnforced }, () => {
    inNamespace(new URL('enforce.fixture.ts', import.meta.url), [variant]);
  });
}
