import { test } from 'node:test';
import { inContainerWorld, skipWithoutContainerd } from '../testing/world.ts';

test('a real containerd runs containers as their pods say', { skip: skipWithoutContainerd() }, () => {
  inContainerWorld(new URL('container.fixture.ts', import.meta.url));
});
