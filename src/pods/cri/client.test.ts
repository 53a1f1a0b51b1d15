import { test } from 'node:test';
import { inContainerWorld, skipWithoutContainerd } from '../testing/world.ts';

test('the client does with a real containerd what the interface promises', { skip: skipWithoutContainerd() }, () => {
  inContainerWorld(new URL('client.fixture.ts', import.meta.url));
});
