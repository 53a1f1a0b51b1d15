import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { VirtualMachineInstanceReplicaSet } from './virtualmachineinstancereplicaset.ts';

const spec = (fields: object = {}) => ({
  spec: {
    selector: { matchLabels: { app: 'web' } },
    template: { metadata: { labels: { app: 'web', tier: 'front' } }, spec: { domain: { devices: {} } } },
    ...fields,
  },
});

describe('a VirtualMachineInstanceReplicaSet is refused', () => {
  const template = (fields: object) => ({
    metadata: { labels: { app: 'web' } },
    spec: { domain: { devices: {} } },
    ...fields,
  });
  const CASES: readonly [why: string, fields: object, mistakes: readonly string[]][] = [
    [
      'whose selector does not select its template',
      { selector: { matchLabels: { app: 'db' } } },
      ['spec.selector: Invalid value: {"matchLabels":{"app":"db"}}: selector does not match labels.'],
    ],
    [
      'whose expressions do not select its template',
      { selector: { matchExpressions: [{ key: 'app', operator: 'DoesNotExist' }] } },
      [
        'spec.selector: Invalid value: {"matchExpressions":[{"key":"app","operator":"DoesNotExist"}]}: selector does not match labels.',
      ],
    ],
    [
      'whose selector selects everything',
      { selector: {} },
      ['spec.selector: Invalid value: {}: empty selector is invalid'],
    ],
    [
      'with an operator that there is not',
      { selector: { matchExpressions: [{ key: 'app', operator: 'Is', values: ['web'] }] } },
      ['spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator'],
    ],
    [
      'with fewer than no replicas',
      { replicas: -1 },
      ['spec.replicas: Invalid value: -1: should be a non-negative integer'],
    ],
    [
      'with a mistake in its template, which is told where it stands',
      { template: template({ spec: { domain: { devices: {}, cpu: { cores: 0 } } } }) },
      ['spec.template.spec.domain.cpu.cores: Invalid value: 0: must be greater than 0'],
    ],
  ];
  for (const [why, fields, mistakes] of CASES) {
    test(why, () => assert.deepEqual(mistakesOf(VirtualMachineInstanceReplicaSet, spec(fields)), mistakes));
  }
});

test('a replica set that does not say how many wants one', () => {
  assert.equal(admitted(VirtualMachineInstanceReplicaSet, spec()).spec.replicas, 1);
  assert.equal(admitted(VirtualMachineInstanceReplicaSet, spec({ replicas: 0 })).spec.replicas, 0);
});
