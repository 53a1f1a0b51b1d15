import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../core/v1/service.ts';
import { isOurLoadBalancer } from './load-balancer-class.ts';
import type { MetalLB } from './metallb.ts';

function service(loadBalancerClass?: string, type = 'LoadBalancer'): Service {
  const spec = { type, ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }) } as Service['spec'] & object;
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'ns' }, spec };
}
function metallb(loadBalancerClass: string): MetalLB {
  const metadata = { name: 'metallb', namespace: 'metallb-system' };
  return { apiVersion: 'metallb.io/v1beta1', kind: 'MetalLB', metadata, spec: { loadBalancerClass } };
}

test('without a class of MetalLB’s, those are ours that name none', () => {
  assert.equal(isOurLoadBalancer(service(), undefined), true);
  assert.equal(isOurLoadBalancer(service('example.com/other'), undefined), false);
  assert.equal(isOurLoadBalancer(service(undefined, 'NodePort'), undefined), false);
});

test('with one, only those that name it', () => {
  assert.equal(isOurLoadBalancer(service('metallb.io/metallb'), metallb('metallb.io/metallb')), true);
  assert.equal(isOurLoadBalancer(service(), metallb('metallb.io/metallb')), false);
  assert.equal(isOurLoadBalancer(service(), metallb('')), true);
});

test('our own class always is', () => {
  assert.equal(isOurLoadBalancer(service('postern.dev/load-balancer'), undefined), true);
  assert.equal(isOurLoadBalancer(service('postern.dev/load-balancer'), metallb('metallb.io/metallb')), true);
});
