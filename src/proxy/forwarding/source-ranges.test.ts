import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowedSources } from './source-ranges.ts';

const cases = [
  ['everyone, without ranges', [], 'IPv4', undefined],
  ['each range, in order and canonical', ['fd01::1/64', ' fd00::/64 '], 'IPv6', ['fd00::/64', 'fd01::/64']],
  ['no range twice, and none within another', ['10.9.0.0/16', '10.0.0.0/8', '10.0.0.1/8'], 'IPv4', ['10.0.0.0/8']],
  ['neighbours both', ['10.1.0.0/16', '10.0.0.0/16'], 'IPv4', ['10.0.0.0/16', '10.1.0.0/16']],
  ['everyone there is', ['0.0.0.0/0', '10.0.0.0/8'], 'IPv4', ['0.0.0.0/0']],
  ['nobody, when all ranges are of the other family', ['10.0.0.0/8'], 'IPv6', []],
  ['nobody, when no range can be read', ['10.0.0.0', 'everyone'], 'IPv4', []],
] as const;

for (const [title, ranges, family, expected] of cases) {
  test(`source ranges let in ${title}`, () => assert.deepEqual(allowedSources(ranges, family), expected));
}
