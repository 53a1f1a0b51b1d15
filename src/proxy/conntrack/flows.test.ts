import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutPrograms } from '../../host/testing/in-namespace.ts';

const skip = skipWithoutPrograms('conntrack') || skipUnless(['conntrack', '-L']);
test('a kernel’s stale UDP flows are ended, and no others', { skip }, () => {
  inNamespace(new URL('flows.fixture.ts', import.meta.url));
});
