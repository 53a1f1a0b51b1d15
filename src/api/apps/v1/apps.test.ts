import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ReplicationController } from '../../core/v1/replicationcontroller.ts';
import type { AnyKind } from '../../kinds.ts';
import { printTable } from '../../table.ts';
import { admitted, mistakesOf } from '../../testing.ts';
import { Deployment } from './deployment.ts';
import { ReplicaSet } from './replicaset.ts';

const template = (fields: object = {}) => ({
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: 'web:1' }], ...fields },
});
const spec = (fields: object = {}) => ({
  spec: { selector: { matchLabels: { app: 'web' } }, template: template(), ...fields },
});
const controllerSpec = (fields: object = {}) => ({ spec: { template: template(), ...fields } });

test('a Deployment that does not say how wants one pod, replaced by rolling update in quarters', () => {
  const { spec: given } = admitted(Deployment, spec());
  assert.equal(given.replicas, 1);
  assert.deepEqual(given.strategy, {
    type: 'RollingUpdate',
    rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' },
  });
  assert.deepEqual([given.revisionHistoryLimit, given.progressDeadlineSeconds], [10, 600]);
  assert.equal(given.template.spec?.restartPolicy, 'Always');
  assert.deepEqual(admitted(Deployment, spec({ strategy: { type: 'Recreate' } })).spec.strategy, { type: 'Recreate' });
});

test('a ReplicationController takes selector and labels from its template', () => {
  const { metadata, spec: given } = admitted(ReplicationController, controllerSpec());
  assert.deepEqual([given.replicas, given.selector, metadata.labels], [1, { app: 'web' }, { app: 'web' }]);
});

describe('is refused', () => {
  const rolling = (maxUnavailable: unknown, maxSurge: unknown) =>
    spec({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable, maxSurge } } });
  const CASES: readonly [why: string, kind: AnyKind, manifest: object, mistakes: readonly string[]][] = [
    [
      'a ReplicaSet whose selector does not select its template',
      ReplicaSet,
      spec({ selector: { matchLabels: { app: 'db' } } }),
      ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
    ],
    [
      'a selector that selects everything',
      Deployment,
      spec({ selector: {} }),
      ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    ],
    [
      'pods that end, or are ended, by themselves',
      Deployment,
      spec({ template: template({ restartPolicy: 'Never', activeDeadlineSeconds: 5 }) }),
      [
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
      ],
    ],
    [
      'numbers below zero',
      Deployment,
      spec({ replicas: -1, minReadySeconds: -2, revisionHistoryLimit: -3 }),
      [
        'replicas: Invalid value: -1',
        'minReadySeconds: Invalid value: -2',
        'revisionHistoryLimit: Invalid value: -3',
      ].map((text) => `spec.${text}: must be greater than or equal to 0`),
    ],
    [
      'a deadline that comes before anything can be available',
      Deployment,
      spec({ minReadySeconds: 5, progressDeadlineSeconds: 5 }),
      ['spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds'],
    ],
    [
      'a rolling update that may neither add nor take away',
      Deployment,
      rolling(0, '0%'),
      ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0'],
    ],
    [
      'more than all',
      Deployment,
      rolling('101%', 1),
      ['spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%'],
    ],
    [
      'what is no percentage',
      Deployment,
      rolling('half', 1),
      [
        `spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "half": must be an integer or percentage (e.g '5%%')`,
      ],
    ],
    [
      'a Recreate with the numbers of a rolling update',
      Deployment,
      spec({ strategy: { type: 'Recreate', rollingUpdate: { maxSurge: 1 } } }),
      ["spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'"],
    ],
    [
      'a strategy that there is not',
      Deployment,
      spec({ strategy: { type: 'BlueGreen' } }),
      ['spec.strategy.type: Unsupported value: "BlueGreen": supported values: "Recreate", "RollingUpdate"'],
    ],
    [
      'a ReplicationController that selects other pods',
      ReplicationController,
      controllerSpec({ selector: { app: 'db' } }),
      ['spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`'],
    ],
    [
      'a ReplicationController whose template has no labels',
      ReplicationController,
      { spec: { template: { spec: template().spec } } },
      ['spec.selector: Required value'],
    ],
  ];
  for (const [why, kind, manifest, mistakes] of CASES) {
    test(why, () => assert.deepEqual(mistakesOf(kind, manifest), mistakes));
  }

  test('another selector than before', () => {
    const old = admitted(Deployment, spec());
    const selector = { matchLabels: { app: 'web', tier: 'front' } };
    const next = spec({ selector, template: { ...template(), metadata: { labels: { app: 'web', tier: 'front' } } } });
    assert.deepEqual(mistakesOf(Deployment, next, old), [
      `spec.selector: Invalid value: ${JSON.stringify(selector)}: field is immutable`,
    ]);
  });
});

test('columns are those of Kubernetes, wide ones after the age', () => {
  const deployment = {
    ...admitted(Deployment, spec({ replicas: 3 })),
    status: { readyReplicas: 1, updatedReplicas: 2 },
  };
  const table = printTable(Deployment, [deployment], 0);
  assert.deepEqual(
    table.columnDefinitions.map(({ name }) => name),
    ['Name', 'Ready', 'Up-to-date', 'Available', 'Age', 'Containers', 'Images', 'Selector'],
  );
  assert.deepEqual(table.rows[0]?.cells, ['a', '1/3', 2, 0, '<unknown>', 'web', 'web:1', 'app=web']);
  const names = (kind: AnyKind) => printTable(kind, [], 0).columnDefinitions.map(({ name }) => name);
  const columns = ['Name', 'Desired', 'Current', 'Ready', 'Age', 'Containers', 'Images', 'Selector'];
  assert.deepEqual([names(ReplicaSet), names(ReplicationController)], [columns, columns]);
});
