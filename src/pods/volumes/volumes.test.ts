import { test } from 'node:test';
import { inNamespace, skipUnless } from '../../host/testing/in-namespace.ts';

const skip = skipUnless(['mount', '-t', 'tmpfs', 'none', '/mnt']);

test('volumes are made, kept up to date and removed', { skip }, () => {
  inNamespace(new URL('volumes.fixture.ts', import.meta.url));
});
