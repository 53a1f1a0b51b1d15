import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pod } from '../config/testing.ts';
import { outcomeOf } from './outcome.ts';
import type { PodView } from './view.ts';

const view: PodView = {
  pod: pod(),
  runtime: { sandboxes: [], containers: [] },
  now: 0,
  volumesReady: true,
  busy: new Set(),
  problems: new Map(),
  pauses: new Map(),
  backOffs: new Map(),
  replaced: new Set(),
  probe: () => undefined,
};

test('a pod that uses more of the node than it may is over, and stays so', () => {
  assert.equal(outcomeOf(view), undefined);
  const evicted = outcomeOf({ ...view, evicted: 'too much' });
  assert.deepEqual(evicted, { phase: 'Failed', reason: 'Evicted', message: 'too much' });
  // The volume is gone with it, but its status tells.
  const told = { ...view.pod, status: { phase: 'Failed', reason: 'Evicted', message: 'too much' } };
  assert.deepEqual(outcomeOf({ ...view, pod: told }), evicted);
});
