import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Claim, claimMistake, claims, NOBODY } from './claims.ts';
import { service } from './testing.ts';

const claim = (name: string, classes: readonly string[], isDefault = false): Claim => ({
  name,
  takes: (each) => claims(each, { classes, isDefault }),
});

test('a provider takes load balancers of its classes, and as the default those of none', () => {
  const own = claim('oci', ['example.com/oci']);
  assert.equal(own.takes(service('a', { loadBalancerClass: 'example.com/oci' })), true);
  assert.equal(own.takes(service('a', { loadBalancerClass: 'example.com/other' })), false);
  assert.equal(own.takes(service('a', { loadBalancerClass: '' })), false);
  assert.equal(own.takes(service('a', { loadBalancerClass: 'example.com/oci', type: 'NodePort' })), false);
  assert.equal(claim('oci', [], true).takes(service('a', { loadBalancerClass: '' })), true);
});

test('two who would serve the same Service are told which', () => {
  const classes = ['example.com/a', 'example.com/b'];
  assert.equal(claimMistake([claim('a', ['example.com/a'], true), claim('b', ['example.com/b'])], classes), undefined);
  assert.equal(
    claimMistake([claim('a', [], true), claim('b', [], true)], classes),
    'a and b would both serve Services without a loadBalancerClass: only one can',
  );
  assert.equal(
    claimMistake([claim('a', classes), claim('b', ['example.com/b'])], classes),
    'a and b would both serve Services of class example.com/b: only one can',
  );
  assert.match(
    claimMistake([claim('a', []), claim('a', [])], []) ?? '',
    /^two providers of load balancers are named a/,
  );
  assert.match(claimMistake([NOBODY, claim('b', [], true)], []) ?? '', /^nobody and b would both serve/);
});
