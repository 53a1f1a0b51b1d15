import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inNamespace, skipUnless } from './testing/in-namespace.ts';

test('an interface listens to thousands of groups, and tells switches of each', { skip: skipUnless(['true']) }, () => {
  const { slowest, off, ...seen } = JSON.parse(inNamespace(new URL('multicast-groups.fixture.ts', import.meta.url)));
  // One that was joined twice is not left yet, nor is one that was joined again meanwhile.
  assert.deepEqual(seen, { joined: 3000, reported: 3000, left: 2002, again: 3000, closed: 0 });
  assert.ok(slowest < 100, `joining one took ${slowest} ms`);
  assert.equal(off, 'Error: cannot join ff02::1:ff00:1 on interface eth0: is IPv6 switched on there?');
});
