import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ReplicaSet } from '../../api/apps/v1/replicaset.ts';
import { replicaSet } from '../replicas/testing.ts';
import { limitsOf } from './limits.ts';
import { proportionalSizes, recreateSizes, rollingSizes } from './sizes.ts';
import { deployment } from './testing.ts';

describe('percentages of pods are rounded so that no more are missing than said', () => {
  const CASES: readonly [replicas: number, surge: string | number, missing: string | number, limits: number[]][] = [
    [10, '25%', '25%', [3, 2]],
    [1, '25%', '25%', [1, 0]],
    [3, 0, '5%', [0, 1]],
    [4, 1, '100%', [1, 4]],
    [2, 0, 5, [0, 2]],
    [0, '25%', 1, [0, 0]],
  ];
  for (const [replicas, maxSurge, maxUnavailable, limits] of CASES) {
    test(`${maxSurge} and ${maxUnavailable} of ${replicas}`, () => {
      const strategy = { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } };
      const found = limitsOf(deployment({ replicas, strategy }));
      assert.deepEqual([found.maxSurge, found.maxUnavailable], limits);
    });
  }
});

/** A set of a size; `available` of its pods serve, and it has `there` of them. */
function set(name: string, size: number, available = size, there = size): ReplicaSet {
  const made = replicaSet({ replicas: size }, name);
  const annotations = {
    'deployment.kubernetes.io/desired-replicas': '10',
    'deployment.kubernetes.io/max-replicas': '13',
  };
  return {
    ...made,
    metadata: { ...made.metadata, annotations },
    status: { replicas: there, availableReplicas: available },
  };
}

const ten = { replicas: 10, maxSurge: 3, maxUnavailable: 2 };

describe('a step of a rolling update', () => {
  const CASES: readonly [what: string, current: ReplicaSet, old: readonly ReplicaSet[], sizes: object][] = [
    [
      'begins with as many new ones, and takes away as many, as it may',
      set('new', 0),
      [set('a', 10)],
      { new: 3, a: 8 },
    ],
    ['waits until new ones serve', set('new', 5, 0), [set('a', 8)], { new: 5 }],
    ['takes away one for each that serves', set('new', 5, 2), [set('a', 8)], { new: 5, a: 6 }],
    ['takes those first that do not serve', set('new', 3, 3), [set('a', 6, 6), set('b', 4, 0)], { new: 3, a: 5, b: 0 }],
    ['counts pods that were told to go, and are there', set('new', 3, 3), [set('a', 5, 5, 10)], { new: 3 }],
    ['counts no pod as serving that was told to go', set('new', 3, 3), [set('a', 5, 8, 8)], { new: 5 }],
    ['ends with none of the old', set('new', 10, 10), [set('a', 1)], { new: 10, a: 0 }],
    ['makes a set smaller that is too large', set('new', 12, 12), [], { new: 10 }],
  ];
  for (const [what, current, old, sizes] of CASES) {
    test(what, () => assert.deepEqual(Object.fromEntries(rollingSizes(current, old, ten)), sizes));
  }
});

describe('sets in the middle of a rollout', () => {
  const shares = (current: ReplicaSet | undefined, old: readonly ReplicaSet[], limits: typeof ten) =>
    Object.fromEntries(proportionalSizes({ current, old }, limits, 0));

  test('get more pods in the shares that they have', () => {
    // The example of https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#proportional-scaling
    assert.deepEqual(shares(set('new', 5), [set('a', 8)], { ...ten, replicas: 15 }), { new: 7, a: 11 });
  });

  test('lose pods in the shares that they have, the largest what rounding leaves', () => {
    assert.deepEqual(shares(set('new', 5), [set('a', 8)], { ...ten, replicas: 5 }), { new: 3, a: 5 });
    assert.deepEqual(shares(set('new', 5), [set('a', 8)], { replicas: 0, maxSurge: 0, maxUnavailable: 0 }), {
      new: 0,
      a: 0,
    });
  });

  test('give up the old ones once the new one has all pods', () => {
    assert.deepEqual(shares(set('new', 10), [set('a', 1)], ten), { a: 0 });
  });

  test('leave the one that has pods alone with them, or the newest where none has', () => {
    assert.deepEqual(shares(undefined, [set('a', 4)], ten), { a: 10 });
    assert.deepEqual(shares(undefined, [set('a', 0), set('b', 0)], ten), { b: 10 });
  });
});

test('to recreate pods, a set has none before the others have lost theirs', () => {
  const sizes = (old: readonly ReplicaSet[], oldPods: boolean) =>
    Object.fromEntries(recreateSizes({ current: set('new', 0), old }, 10, oldPods));
  assert.deepEqual(sizes([set('a', 10)], true), { a: 0 });
  assert.deepEqual(sizes([set('a', 0)], true), { a: 0 });
  assert.deepEqual(sizes([set('a', 0)], false), { a: 0, new: 10 });
});
