import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';

const skip = skipWithoutNft();

test('the kernel’s nftables keep the contract of firewalls', { skip }, () => {
  inNamespace(new URL('contract.fixture.ts', import.meta.url));
});

test('packets get through a host that drops by default, where nftables are told so', { skip }, () => {
  inNamespace(new URL('packets.fixture.ts', import.meta.url));
});
