import { test } from 'node:test';
import { inNamespace } from '../../host/testing/in-namespace.ts';
import { IPTABLES_VARIANTS } from './iptables.ts';
import { skipWithoutIptables } from './testing.ts';

for (const variant of IPTABLES_VARIANTS) {
  test(`a real kernel is read and changed through iptables: ${variant}`, { skip: skipWithoutIptables(variant) }, () => {
    inNamespace(new URL('kernel.fixture.ts', import.meta.url), [variant]);
  });
}
