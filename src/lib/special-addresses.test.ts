import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseIP } from './ip.ts';
import { canBeEndpoint, canBeEntrance } from './special-addresses.ts';

const NEITHER = [
  '0.0.0.0',
  '0.1.2.3',
  '127.0.0.53',
  '224.0.0.1',
  '239.1.1.1',
  '255.255.255.255',
  '::',
  '::1',
  'ff02::1',
];
const ENTRANCES = ['169.254.20.10', 'fe80::1'];
const BOTH = ['10.96.0.10', '192.168.0.1', '240.10.0.7', 'fd00::1', '2001:db8::1', '::2'];

test('what means something to every machine is neither entrance nor endpoint, and no link-local address an endpoint', () => {
  const told = (test: typeof canBeEndpoint) =>
    [...NEITHER, ...ENTRANCES, ...BOTH].filter((ip) => test(mustParseIP(ip)));
  assert.deepEqual(told(canBeEntrance), [...ENTRANCES, ...BOTH]);
  assert.deepEqual(told(canBeEndpoint), BOTH);
});
