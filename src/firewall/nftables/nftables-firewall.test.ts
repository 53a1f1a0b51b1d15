import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';

const skip = skipWithoutNft();

test('the kernel’s nftables keep the contract of firewalls', { skip }, () => {
  inNamespace(new URL('contract.fixture.ts', import.meta.url));
});

test('packets get through a host that drops by default, where nftables are told so', { skip }, () => {
  inNamespace(new URL('packets.fixture.ts', import.meta.url));
});

test('a thousand Services are reconciled in moments, and a change of one does not wait for the others', {
  skip,
}, () => {
  const { loaded, reloaded, median } = JSON.parse(inNamespace(new URL('many.fixture.ts', import.meta.url)));
  // Ten times what it takes on an idle machine, at the least.
  assert.ok(loaded < 2000 && reloaded < 2000, `${loaded} and ${reloaded} ms`);
  assert.ok(median < 20, `${median} ms`);
});

test('what is enforced is reached by those whom the administrator’s rules admit', { skip }, () => {
  inNamespace(new URL('enforce.fixture.ts', import.meta.url));
});
