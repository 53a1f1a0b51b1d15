import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../src/host/testing/in-namespace.ts';

test('postern proxy makes a node forward the Services of an API server, alone', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('proxy.fixture.ts', import.meta.url));
});
