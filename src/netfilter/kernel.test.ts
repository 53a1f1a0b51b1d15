import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../host/testing/in-namespace.ts';

test('the kernel keeps the contract', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('kernel.fixture.ts', import.meta.url));
});
