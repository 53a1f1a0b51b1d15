import { test } from 'node:test';
import { inNamespace } from '../../host/testing/in-namespace.ts';
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
}
