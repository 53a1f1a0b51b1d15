import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';

test('connections, packets and bytes are counted exactly, whoever connects to whom', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('traffic.fixture.ts', import.meta.url));
});
