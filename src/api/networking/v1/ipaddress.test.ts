import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { IPAddress } from './ipaddress.ts';

const claim = (name: string, service = 'a') => ({
  metadata: { name },
  spec: { parentRef: { resource: 'services', namespace: 'n', name: service } },
});

test('a claim is named by its address, in the one form that there is for it', () => {
  assert.deepEqual(mistakesOf(IPAddress, claim('fd00:10:96::9')), []);
  assert.deepEqual(mistakesOf(IPAddress, claim('FD00:10:96:0::9')), [
    'metadata.name: Invalid value: "FD00:10:96:0::9": must be in canonical form ("fd00:10:96::9")',
  ]);
  assert.deepEqual(mistakesOf(IPAddress, { metadata: { name: '10.96.0' } }), [
    'metadata.name: Invalid value: "10.96.0": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    'spec.parentRef: Required value',
  ]);
});

test('a claim does not pass from one Service to another', () => {
  const old = admitted(IPAddress, claim('10.96.0.9'));
  assert.match(
    mistakesOf(IPAddress, claim('10.96.0.9', 'b'), old)[0] ?? '',
    /^spec\.parentRef: Invalid value: .*field is immutable$/,
  );
});
