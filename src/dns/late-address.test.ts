import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipUnless, skipWithoutPrograms } from '../host/testing/in-namespace.ts';

const skip = skipWithoutPrograms('dig') || skipUnless(['true']);

test('an address that the machine gets only later is served as soon as it is there', { skip }, () => {
  const seen = inNamespace(new URL('late-address.fixture.ts', import.meta.url));
  assert.deepEqual(JSON.parse(seen), { early: [], answers: Array(4).fill('10.96.0.10') });
});
