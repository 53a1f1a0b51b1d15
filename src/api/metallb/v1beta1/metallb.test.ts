import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { MetalLB } from './metallb.ts';

const metadata = { name: 'metallb', namespace: 'metallb-system' };

test('the MetalLB object says which nodes announce, how much is logged and which class is served', () => {
  const spec = { nodeSelector: { edge: 'true' }, logLevel: 'debug', loadBalancerClass: 'example.com/metallb' };
  const object = admitted(MetalLB, { metadata, spec });
  assert.deepEqual(mistakesOf(MetalLB, { metadata, spec }), []);
  assert.deepEqual(MetalLB.warnings(object), []);
});

test('every field of the operator’s is accepted, with a warning for each that has no effect', () => {
  const config = {
    priorityClassName: 'high',
    runtimeClassName: 'kata',
    affinity: { nodeAffinity: {} },
    annotations: { a: 'b' },
    resources: { limits: { cpu: '200m' } },
  };
  const spec = {
    image: 'metallb',
    speakerTolerations: [{ key: 'a', operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 3600 }],
    controllerNodeSelector: { a: 'b' },
    controllerTolerations: [{ operator: 'Exists' }],
    controllerConfig: config,
    speakerConfig: config,
    bgpBackend: 'frr-k8s',
    frrk8sConfig: { alwaysBlock: ['10.0.0.0/8'], namespace: 'frr', secretPassthrough: true },
    speakerGratuitousARPInterval: '30s',
  };
  const object = admitted(MetalLB, { metadata, spec });
  assert.deepEqual(mistakesOf(MetalLB, { metadata, spec }), []);
  assert.deepEqual(
    MetalLB.warnings(object).map((text) => text.replace(/ has no effect: .+/, '')),
    Object.keys(spec).map((field) => `spec.${field}`),
  );
  // They are told in a header.
  assert.ok(MetalLB.warnings(object).every((text) => /^[ -~]+$/.test(text)));
});

test('there is one MetalLB object, in one place', () => {
  assert.deepEqual(mistakesOf(MetalLB, { metadata: { name: 'other', namespace: 'default' } }), [
    'metadata.name: Invalid value: "other": must be metallb: there is one MetalLB object, for the whole load balancer',
    'metadata.namespace: Invalid value: "default": must be metallb-system: nobody looks for the MetalLB object elsewhere',
  ]);
});

test('a class or a label that cannot be is refused', () => {
  const spec = { loadBalancerClass: '/x', nodeSelector: { 'a b': 'c' } };
  assert.deepEqual(
    mistakesOf(MetalLB, { metadata, spec }).map((text) => text.split(':')[0]),
    ['spec.nodeSelector', 'spec.loadBalancerClass'],
  );
});
