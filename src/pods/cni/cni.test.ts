import { test } from 'node:test';
import { skipWithoutPodNetwork } from '../../network/testing.ts';
import { inContainerWorld, skipWithoutContainerd } from '../testing/world.ts';

const skip = skipWithoutContainerd() || skipWithoutPodNetwork();

test('sandboxes of a real containerd get onto the pod network, and off it again', { skip }, () => {
  inContainerWorld(new URL('cni.fixture.ts', import.meta.url));
});
