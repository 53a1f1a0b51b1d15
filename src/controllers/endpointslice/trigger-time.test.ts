import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Pod } from '../../api/core/v1/pod.ts';
import { podTrigger, TriggerTimes, withTriggerTime } from './trigger-time.ts';

const pod = (lastTransitionTime?: string): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p' },
  status: {
    conditions: [
      { type: 'Ready', status: 'True', ...(lastTransitionTime === undefined ? {} : { lastTransitionTime }) },
    ],
  },
});
const [early, late] = ['2026-01-01T00:00:01Z', '2026-01-01T00:00:02Z'];

describe('what sets an endpoint change off', () => {
  const CASES: readonly [why: string, pod: Pod, previous: Pod | undefined, expected: string | undefined][] = [
    ['a new pod', pod(early), undefined, early],
    ['a pod that became ready later', pod(late), pod(early), late],
    ['nothing when the pod is as ready as it was', pod(early), pod(early), undefined],
    ['nothing when the time goes back', pod(early), pod(late), undefined],
    ['nothing when no time is told', pod(), undefined, undefined],
    ['nothing when the time is none', pod('soon'), undefined, undefined],
  ];
  for (const [why, now, previous, expected] of CASES) {
    it(`is ${why}`, () => {
      assert.equal(podTrigger(now, previous), expected === undefined ? undefined : Date.parse(expected));
    });
  }

  it('is the earliest of what has not been worked on yet, and told once', () => {
    const times = new TriggerTimes();
    for (const time of [5000, 3000, undefined, 4000]) times.note('ns/web', time);
    assert.deepEqual([times.take('ns/web'), times.take('ns/web'), times.take('ns/db')], [3000, undefined, undefined]);
  });

  it('replaces what was told before, and leaves other annotations', () => {
    const before = withTriggerTime({ a: 'b' }, Date.parse(early));
    assert.deepEqual(before, { a: 'b', 'endpoints.kubernetes.io/last-change-trigger-time': early });
    assert.deepEqual(withTriggerTime(before, undefined), { a: 'b' });
  });
});
