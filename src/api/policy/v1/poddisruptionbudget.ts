/** policy/v1 PodDisruptionBudget: served so that it can be said that nothing heeds one. */
import { defineKind } from '../../kind.ts';
import { anything, object } from '../../schema.ts';

export const PodDisruptionBudget = defineKind({
  group: 'policy',
  version: 'v1',
  kind: 'PodDisruptionBudget',
  plural: 'poddisruptionbudgets',
  shortNames: ['pdb'],
  namespaced: true,
  schema: object({ spec: anything(), status: anything() }, 'How many pods may be evicted at once.'),
  refused:
    'evictions are not held back here. Drain one node at a time, and look between two that what ran there is ready again',
});
