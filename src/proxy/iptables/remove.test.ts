import { test } from 'node:test';
import { inNamespace } from '../../host/testing/in-namespace.ts';
import { skipWithoutIptables } from '../../netfilter/iptables/testing.ts';

const skip = skipWithoutIptables('nft') || skipWithoutIptables('legacy');

test('a clean-up finds what runs left in either variant, and asks for no tables', { skip }, () => {
  inNamespace(new URL('testing/remove.fixture.ts', import.meta.url));
});
