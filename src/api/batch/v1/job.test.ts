import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { printTable } from '../../table.ts';
import { admitted, mistakesOf } from '../../testing.ts';
import { Job } from './job.ts';

const job = (fields: object = {}, pod: object = {}) => ({
  metadata: { name: 'count', uid: 'u1' },
  spec: { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }], ...pod } }, ...fields },
});

test('a new job selects its own pods by a label that only they have', () => {
  const { metadata, spec } = admitted(Job, job());
  const labels = {
    'batch.kubernetes.io/controller-uid': 'u1',
    'batch.kubernetes.io/job-name': 'count',
    'controller-uid': 'u1',
    'job-name': 'count',
  };
  assert.deepEqual(spec.selector, { matchLabels: { 'batch.kubernetes.io/controller-uid': 'u1' } });
  assert.deepEqual([spec.template.metadata?.labels, metadata.labels], [labels, labels]);
  assert.deepEqual([spec.completions, spec.parallelism, spec.backoffLimit], [1, 1, 6]);
});

test('a job of several workers does not say how many are to succeed', () => {
  const { spec } = admitted(Job, job({ parallelism: 3 }));
  assert.equal(spec.completions, undefined);
});

describe('a Job is refused', () => {
  const CASES: readonly [why: string, manifest: object, mistakes: readonly string[]][] = [
    [
      'whose pods never end',
      job({}, { restartPolicy: 'Always' }),
      ['spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      'with numbers below zero',
      job({ parallelism: -1, backoffLimit: -1 }),
      [
        'spec.parallelism: Invalid value: -1: must be greater than or equal to 0',
        'spec.backoffLimit: Invalid value: -1: must be greater than or equal to 0',
      ],
    ],
    [
      'whose pods are to be told apart by an index',
      job({ completions: 2, completionMode: 'Indexed' }),
      ['spec.completionMode: Unsupported value: "Indexed": supported values: "NonIndexed"'],
    ],
    [
      'that selects by itself, and does not select its pods',
      job({ manualSelector: true, selector: { matchLabels: { a: 'b' } } }),
      ['spec.template.metadata.labels: Invalid value: {}: `selector` does not match template `labels`'],
    ],
  ];
  for (const [why, manifest, mistakes] of CASES) {
    test(why, () => assert.deepEqual(mistakesOf(Job, manifest), mistakes));
  }

  test('whose template changes', () => {
    const old = admitted(Job, job());
    const changed = { ...old, spec: { ...old.spec, template: { ...old.spec.template, metadata: {} }, completions: 2 } };
    const fields = mistakesOf(Job, changed, old).map((text) => text.slice(0, text.indexOf(':')));
    assert.deepEqual(fields, ['spec.template.metadata.labels', 'spec.completions', 'spec.template']);
    assert.deepEqual(mistakesOf(Job, { ...old, spec: { ...old.spec, parallelism: 4 } }, old), []);
  });
});

test('what kubectl shows of a job', () => {
  const cells = (fields: object, status: object) =>
    printTable(
      Job,
      [{ ...admitted(Job, job(fields)), status } as Job],
      Date.UTC(2026, 0, 1, 0, 1),
    ).rows[0]?.cells.slice(1, 4);
  const startTime = '2026-01-01T00:00:00Z';
  const done = { startTime, completionTime: '2026-01-01T00:00:05Z', succeeded: 1 };
  const finished = { ...done, conditions: [{ type: 'Complete', status: 'True' }] };
  assert.deepEqual(cells({}, {}), ['Running', '0/1', '']);
  assert.deepEqual(cells({}, finished), ['Complete', '1/1', '5s']);
  assert.deepEqual(cells({ parallelism: 3 }, { startTime }), ['Running', '0/1 of 3', '60s']);
  const failed = { startTime, conditions: [{ type: 'Failed', status: 'True' }] };
  assert.deepEqual(cells({ completions: 4 }, failed), ['Failed', '0/4', '60s']);
});
