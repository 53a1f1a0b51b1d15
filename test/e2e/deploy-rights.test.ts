import { test } from 'node:test';
import { besideOthers, skipWithoutTaps } from '../../src/host/testing/in-namespace.ts';

test('the roles of deploy/ have every rule that is needed, and none besides', { skip: skipWithoutTaps() }, async () => {
  await besideOthers(new URL('deploy-rights.fixture.ts', import.meta.url));
});
