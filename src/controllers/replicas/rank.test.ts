import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod } from '../../api/core/v1/pod.ts';
import { byWorth } from './rank.ts';

interface Fields {
  readonly node?: string;
  readonly phase?: string;
  readonly ready?: string;
  readonly cost?: string;
  readonly restarts?: number;
  readonly born?: string;
}

function pod(name: string, fields: Fields = {}): Pod {
  const { node = 'n1', phase = 'Running', ready = '2026-01-01T00:00:00Z', cost, restarts = 0, born } = fields;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      uid: name,
      creationTimestamp: born ?? '2026-01-01T00:00:00Z',
      ...(cost === undefined ? {} : { annotations: { 'controller.kubernetes.io/pod-deletion-cost': cost } }),
    },
    spec: { nodeName: node },
    status: {
      phase,
      conditions: [{ type: 'Ready', status: ready === '' ? 'False' : 'True', lastTransitionTime: ready }],
      containerStatuses: [{ name: 'c', restartCount: restarts }],
    },
  };
}

test('pods go in the order of Kubernetes', () => {
  const expected = [
    pod('unassigned', { node: '', phase: 'Pending', ready: '' }),
    pod('pending', { phase: 'Pending', ready: '', cost: '-5' }),
    pod('unknown', { phase: 'Unknown', ready: '' }),
    pod('not-ready', { ready: '', cost: '7' }),
    pod('cheap', { cost: '-1' }),
    pod('doubled', { node: 'n2' }),
    pod('doubled-too', { node: 'n2', ready: '2025-12-31T00:00:00Z' }),
    pod('ready-lately', { node: 'n3', ready: '2026-01-02T00:00:00Z' }),
    pod('restarted', { node: 'n3', restarts: 4 }),
    pod('young', { node: 'n3', born: '2026-01-01T00:00:01Z' }),
    pod('a', { node: 'n3' }),
    pod('b', { node: 'n3', cost: 'nonsense' }),
    pod('dear', { cost: '2147483647', ready: '2026-01-05T00:00:00Z' }),
  ];
  // Of the nodes, n2 has most of those that serve together.
  const elsewhere = Array.from({ length: 9 }, (_, i) => pod(`other-${i}`, { node: 'n2' }));
  const shuffled = [...expected].sort((a, b) => ((a.metadata.name ?? '') < (b.metadata.name ?? '') ? -1 : 1));
  const names = (pods: readonly Pod[]) => pods.map(({ metadata }) => metadata.name);
  assert.deepEqual(names(byWorth(shuffled, [...expected, ...elsewhere])), names(expected));
});
