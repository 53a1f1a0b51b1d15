import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../src/host/testing/in-namespace.ts';

test('postern l2 announces the addresses of an API server, alone', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('lone-l2.fixture.ts', import.meta.url));
});
