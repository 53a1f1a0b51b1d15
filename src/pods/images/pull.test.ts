import { test } from 'node:test';
import { inContainerWorld, skipWithoutContainerd } from '../testing/world.ts';

test('images are pulled and imported with a real containerd', { skip: skipWithoutContainerd() }, () => {
  inContainerWorld(new URL('pull.fixture.ts', import.meta.url));
});
