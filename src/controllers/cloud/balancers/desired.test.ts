import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../../api/core/v1/service.ts';
import { ADDRESS_ALLOCATED } from '../../loadbalancer/status.ts';
import { type Claim, claims } from '../claims.ts';
import { nextStep } from './desired.ts';
import { CLEANUP_FINALIZER, LOAD_BALANCER_READY, marked, PROVIDER_ANNOTATION, unmarked } from './marks.ts';

const provider = (name: string, isDefault = false): Claim => ({
  name,
  takes: (service) => claims(service, { classes: [`${name}/lb`], isDefault }),
});
const ONE = provider('one', true);
const TWO = provider('two');

interface Given {
  readonly type?: 'ClusterIP' | 'LoadBalancer';
  readonly loadBalancerClass?: string;
  readonly mark?: string;
  readonly finalizers?: readonly string[];
  readonly deleted?: boolean;
  readonly conditions?: readonly string[];
}

function service(given: Given): Service {
  const { type = 'LoadBalancer', loadBalancerClass, mark, finalizers, deleted = false, conditions = [] } = given;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      ...{ name: 'web', namespace: 'ns', uid: 'u', resourceVersion: '7' },
      ...(mark === undefined ? {} : { annotations: { [PROVIDER_ANNOTATION]: mark } }),
      finalizers: finalizers ?? (mark === undefined ? [] : [CLEANUP_FINALIZER]),
      ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { type, ...(loadBalancerClass === undefined ? {} : { loadBalancerClass }) },
    status: { conditions: conditions.map((each) => ({ type: each, status: 'True' })) },
  };
}

for (const [name, given, expected] of [
  ['is marked before anything is made', {}, 'mark one'],
  ['is served once it is marked', { mark: 'one' }, 'ensure one'],
  ['is marked again when its finalizer was taken away', { mark: 'one', finalizers: [] }, 'mark one'],
  ['is its class’s', { loadBalancerClass: 'two/lb' }, 'mark two'],
  ['keeps nothing of the provider that served it before', { mark: 'two' }, 'remove two'],
  ['waits for a provider that is not here', { mark: 'three' }, 'held'],
  ['waits for layer 2, which serves it', { conditions: [ADDRESS_ALLOCATED] }, 'held'],
  [
    'does not wait for layer 2 when its class is another’s',
    { loadBalancerClass: 'two/lb', conditions: [ADDRESS_ALLOCATED] },
    'mark two',
  ],
  ['that is going keeps nothing', { mark: 'one', deleted: true }, 'remove one'],
  ['that is going and never had anything is left alone', { deleted: true }, 'nothing'],
  ['of another type keeps nothing', { type: 'ClusterIP', mark: 'two' }, 'remove two'],
  [
    'of another type may have had something of anyone',
    { type: 'ClusterIP', conditions: [LOAD_BALANCER_READY] },
    'remove one,two',
  ],
  ['whose marks were taken away is marked again', { conditions: [LOAD_BALANCER_READY] }, 'mark one'],
  ['of others’ classes is left alone', { loadBalancerClass: 'x/lb', finalizers: [CLEANUP_FINALIZER] }, 'nothing'],
] as const satisfies readonly (readonly [string, Given, string])[]) {
  test(`a Service ${name}`, () => {
    const step = nextStep(service(given), [ONE, TWO]);
    const who = 'provider' in step ? [step.provider] : 'providers' in step ? step.providers : [];
    assert.equal([step.kind, who.map((each) => each.name).join()].filter(Boolean).join(' '), expected);
  });
}

test('marks are put and taken off as one, once each, and only on what was read', () => {
  const others = ['example.com/other'];
  assert.deepEqual(marked(service({ finalizers: others }), 'one'), {
    ...{ uid: 'u', resourceVersion: '7' },
    finalizers: [...others, CLEANUP_FINALIZER],
    annotations: { [PROVIDER_ANNOTATION]: 'one' },
  });
  assert.deepEqual(marked(service({ finalizers: [CLEANUP_FINALIZER] }), 'one'), {
    ...{ uid: 'u', resourceVersion: '7' },
    finalizers: [CLEANUP_FINALIZER],
    annotations: { [PROVIDER_ANNOTATION]: 'one' },
  });
  const without = (finalizers: readonly string[]) => unmarked(service({ mark: 'one', finalizers }));
  const off = { uid: 'u', resourceVersion: '7', annotations: { [PROVIDER_ANNOTATION]: null } };
  assert.deepEqual(without([CLEANUP_FINALIZER, ...others]), { ...off, finalizers: others });
  assert.deepEqual(without([CLEANUP_FINALIZER]), { ...off, finalizers: null });
  assert.equal(unmarked(service({ finalizers: others })), undefined);
});
