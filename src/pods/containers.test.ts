import { test } from 'node:test';
import { inContainerWorld, skipWithoutContainerd } from './testing/world.ts';

test('pods run with a real containerd, whoever is killed, and leave nothing', { skip: skipWithoutContainerd() }, () => {
  inContainerWorld(new URL('containers.fixture.ts', import.meta.url));
});
