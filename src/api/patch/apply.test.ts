import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Service } from '../core/v1/service.ts';
import type { KubeObject } from '../meta/v1.ts';
import { ApiError } from '../status.ts';
import { applyServerSide } from './apply.ts';

const TIME = '2026-01-01T00:00:00Z';
const LATER = '2026-01-01T01:00:00Z';

function applied(spec: object, labels?: object): object {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', namespace: 'n', ...(labels ? { labels } : {}) },
    spec,
  };
}

function apply(
  live: KubeObject | undefined,
  object: object,
  manager: string,
  options: { force?: boolean; time?: string } = {},
) {
  const { force = false, time = TIME } = options;
  return applyServerSide(Service, live, object, { manager, force, time }) as Service;
}

test('an apply creates the object and records who wanted which fields', () => {
  const service = apply(undefined, applied({ type: 'NodePort', ports: [{ port: 80 }] }, { app: 'web' }), 'kubectl');
  assert.equal(service.spec?.type, 'NodePort');
  assert.deepEqual(service.metadata.managedFields, [
    {
      manager: 'kubectl',
      operation: 'Apply',
      apiVersion: 'v1',
      time: TIME,
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { 'f:app': {} } },
        'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } }, 'f:type': {} },
      },
    },
  ]);
});

test('the same apply again changes nothing, not even a time', () => {
  const object = applied({ ports: [{ port: 80 }] });
  const live = apply(undefined, object, 'kubectl');
  assert.deepEqual(apply(live, object, 'kubectl', { time: LATER }), live);
});

test('what a manager leaves out goes, unless another manager wants it', () => {
  const live = apply(undefined, applied({ ports: [{ port: 80 }, { port: 443 }] }, { a: '1', b: '2' }), 'one');
  const shared = apply(live, applied({ ports: [{ port: 443 }] }), 'two');
  const result = apply(shared, applied({}, { a: '1' }), 'one', { time: LATER });
  assert.deepEqual(result.metadata.labels, { a: '1' });
  assert.deepEqual(result.spec?.ports, [{ port: 443 }]);
  assert.deepEqual(
    result.metadata.managedFields?.map(({ manager, time }) => [manager, time]),
    [
      ['two', TIME],
      ['one', LATER],
    ],
  );
});

test('fields that nobody applied stay', () => {
  const live = apply(undefined, applied({ ports: [{ port: 80, protocol: 'TCP' }] }), 'kubectl');
  const allocated = { ...live, spec: { ...live.spec, clusterIP: '10.96.0.9' } };
  const result = apply(allocated, applied({ ports: [{ port: 80 }], type: 'NodePort' }), 'kubectl');
  assert.equal(result.spec?.clusterIP, '10.96.0.9');
});

test('an element without its protocol is the TCP one', () => {
  const live = apply(
    undefined,
    applied({
      ports: [
        { port: 53, protocol: 'UDP' },
        { port: 53, protocol: 'TCP' },
      ],
    }),
    'one',
  );
  const result = apply(live, applied({ ports: [{ port: 53, name: 'dns' }] }), 'two');
  assert.deepEqual(result.spec?.ports, [
    { port: 53, protocol: 'UDP' },
    { port: 53, protocol: 'TCP', name: 'dns' },
  ]);
});

test('a field that another manager set is a conflict, which force resolves', () => {
  const live = apply(undefined, applied({ type: 'NodePort', ports: [{ port: 80, targetPort: 1 }] }), 'one');
  const change = applied({ type: 'LoadBalancer', ports: [{ port: 80, targetPort: 2 }] });
  assert.throws(
    () => apply(live, change, 'two'),
    (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.code, 409);
      assert.deepEqual(error.status.details?.causes?.map(({ reason, field }) => `${reason} ${field}`).sort(), [
        'FieldManagerConflict .spec.ports[port=80,protocol="TCP"].targetPort',
        'FieldManagerConflict .spec.type',
      ]);
      assert.match(error.message, /Apply failed with 2 conflicts: conflict with "one"/);
      return true;
    },
  );
  const forced = apply(live, change, 'two', { force: true });
  assert.equal(forced.spec?.type, 'LoadBalancer');
  const one = forced.metadata.managedFields?.find(({ manager }) => manager === 'one');
  assert.deepEqual(one?.fieldsV1, {
    'f:spec': { 'f:ports': { 'k:{"port":80,"protocol":"TCP"}': { '.': {}, 'f:port': {} } } },
  });
});

test('an apply needs a field manager', () => {
  assert.throws(() => apply(undefined, applied({}), ''), /fieldManager: Required value/);
});

test('a set is shared: each manager takes away only what it alone put there', () => {
  const finalizers = (list: string[]) => ({
    ...applied({}),
    metadata: { name: 'a', namespace: 'n', finalizers: list },
  });
  const live = apply(apply(undefined, finalizers(['x/a', 'x/b']), 'one'), finalizers(['x/b', 'x/c']), 'two');
  assert.deepEqual(live.metadata.finalizers, ['x/a', 'x/b', 'x/c']);
  assert.deepEqual(apply(live, finalizers([]), 'one').metadata.finalizers, ['x/b', 'x/c']);
});

test('an apply to a list of thousands takes time in proportion', () => {
  const ports = (targetPort: number) => Array.from({ length: 2000 }, (_, i) => ({ port: i + 1, targetPort }));
  const live = apply(apply(undefined, applied({ ports: ports(1) }), 'one'), applied({ ports: ports(1) }), 'two');
  const result = apply(live, applied({ ports: [] }), 'one');
  assert.equal(result.spec?.ports?.length, 2000);
  assert.deepEqual(apply(result, applied({}), 'two').spec?.ports, []);
});
