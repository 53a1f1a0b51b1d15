import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mustParseCIDR } from '../../lib/ip.ts';
import { type Egress, printEgress } from './egress.ts';

const BOTH: Egress = {
  families: ['IPv4', 'IPv6'],
  podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
  inside: ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR),
};
const elements = (text: string) =>
  [...text.matchAll(/set (\w+) .*elements = \{ (.*?) \}/g)].map(([, set, all]) => `${set}: ${all}`);

test('what leaves this node’s pods for elsewhere than pods gets the node’s address, in each family', () => {
  assert.deepEqual(elements(printEgress(BOTH)), [
    'pods: 10.244.1.0/24',
    'inside: 10.244.0.0/16',
    'pods: fd00:10:244:1::/64',
    'inside: fd00:10:244::/48',
  ]);
});

test('prefixes that have a way back to pods are spared, and those of pods that are not among the cluster’s', () => {
  const more = ['192.168.0.0/16', '10.0.0.0/8'].map(mustParseCIDR);
  const egress = { ...BOTH, podCIDRs: [mustParseCIDR('172.20.0.0/24')], inside: [...BOTH.inside, ...more] };
  assert.deepEqual(elements(printEgress(egress)), [
    'pods: 172.20.0.0/24',
    'inside: 10.0.0.0/8, 172.20.0.0/24, 192.168.0.0/16',
  ]);
});

test('without a family, or pods of it, there is nothing of it but what removes it', () => {
  const removal = printEgress({ ...BOTH, families: [] });
  assert.match(removal, /^(table ip6? postern-egress \{\}\ndelete table ip6? postern-egress\n){2}$/);
  assert.equal(printEgress({ ...BOTH, podCIDRs: [] }), removal);
});
