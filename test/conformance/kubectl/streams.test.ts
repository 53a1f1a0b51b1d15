/** kubectl's verbs that reach into containers, against the API server, an agent's streams and a real containerd. */
import { test } from 'node:test';
import { skipWithoutPrograms } from '../../../src/host/testing/in-namespace.ts';
import { inContainerWorld, skipWithoutContainerd } from '../../../src/pods/testing/world.ts';

const skip = skipWithoutContainerd() || skipWithoutPrograms('kubectl');

test('kubectl logs, exec, attach, cp and port-forward do with containers what users know', { skip }, () => {
  inContainerWorld(new URL('streams.fixture.ts', import.meta.url));
});
