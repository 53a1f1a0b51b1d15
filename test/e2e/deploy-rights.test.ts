import { test } from 'node:test';
import { inNamespace, skipWithoutNft } from '../../src/host/testing/in-namespace.ts';

test('the roles of deploy/ have every rule that is needed, and none besides', { skip: skipWithoutNft() }, () => {
  inNamespace(new URL('deploy-rights.fixture.ts', import.meta.url));
});
