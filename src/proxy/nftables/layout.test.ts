import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';

test('the kernel takes the tables of every way to know a node’s pods', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('localities.fixture.ts', import.meta.url));
});
