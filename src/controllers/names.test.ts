import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CONTROLLER_NAMES, selectControllers } from './names.ts';

const OTHERS = CONTROLLER_NAMES.filter((name) => name !== 'loadbalancer');

test('controllers are chosen as with kube-controller-manager', () => {
  for (const [text, expected] of [
    ['*', CONTROLLER_NAMES],
    ['*,-loadbalancer', OTHERS],
    ['-loadbalancer, *', OTHERS],
    ['servicestatus,loadbalancer', ['loadbalancer', 'servicestatus']],
    ['loadbalancer,-endpoints', ['loadbalancer']],
    ['loadbalancer,-loadbalancer', ['loadbalancer']],
  ] as const) {
    const chosen = selectControllers(text);
    assert.ok(typeof chosen !== 'string', text);
    assert.deepEqual([...chosen], expected, text);
  }
});

test('a list of controllers that cannot be meant is refused with what to write', () => {
  for (const [text, expected] of [
    ['loadbalancers', `There is no controller "loadbalancers": ${CONTROLLER_NAMES.join(', ')}.`],
    ['-loadbalancer', '"-loadbalancer" leaves no controller: write *,-loadbalancer for all the others.'],
    ['', `There is no controller "": ${CONTROLLER_NAMES.join(', ')}.`],
  ] as const) {
    assert.equal(selectControllers(text), expected);
  }
});
