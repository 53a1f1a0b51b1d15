import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../host/testing/in-namespace.ts';

test('a connection through a router that drops and refuses tells what became of it', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('connect.fixture.ts', import.meta.url));
});
