import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Service } from '../../api/core/v1/service.ts';
import { CLEANUP_FINALIZER, LOAD_BALANCER_READY, PROVIDER_ANNOTATION } from '../cloud/balancers/marks.ts';
import { whyProvider } from './why-provider.ts';

const ingress = [{ ip: '203.0.113.1' }];

interface Given {
  readonly marks?: boolean;
  readonly finalizers?: readonly string[];
  readonly deleted?: boolean;
  readonly ready?: { readonly status: string; readonly reason: string; readonly message: string };
  readonly hasAddress?: boolean;
}

function service(given: Given): Service {
  const { marks = true, finalizers = [CLEANUP_FINALIZER], deleted = false, ready, hasAddress = true } = given;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'web',
      namespace: 'ns',
      ...(marks ? { annotations: { [PROVIDER_ANNOTATION]: 'oci' } } : {}),
      finalizers,
      ...(deleted ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { type: 'LoadBalancer' },
    status: {
      ...(hasAddress ? { loadBalancer: { ingress } } : {}),
      ...(ready === undefined ? {} : { conditions: [{ type: LOAD_BALANCER_READY, ...ready }] }),
    },
  };
}

const REFUSED = { status: 'False', reason: 'InvalidRequest', message: 'there is no shape "huge"' };

describe('postern why says of a Service with a load balancer at a cloud', () => {
  for (const [name, given, expected] of [
    [
      'what keeps it when it is deleted, also where no process of ours asks that cloud',
      { deleted: true },
      'it is being deleted, and stays until the provider "oci" has removed its load balancer | kubectl describe service web -n ns says what is done about it; if nothing is, run the controller cloud with that provider',
    ],
    ['nothing, when others keep it', { deleted: true, finalizers: ['example.com/other'] }, undefined],
    [
      'why the load balancer that serves it is not as it asks',
      { ready: REFUSED },
      'its load balancer serves on, and is not as the Service asks: the provider "oci" says InvalidRequest: there is no shape "huge"',
    ],
    ['nothing while it is changed', { ready: { ...REFUSED, reason: 'Waiting' } }, undefined],
    ['nothing here when it has no address, which is told elsewhere', { ready: REFUSED, hasAddress: false }, undefined],
    ['nothing when it is as it should be', { ready: { status: 'True', reason: 'Ensured', message: '' } }, undefined],
    ['nothing of one that no cloud serves', { marks: false, deleted: true }, undefined],
  ] as const satisfies readonly (readonly [string, Given, string | undefined])[]) {
    it(name, () => {
      const found = whyProvider(service(given)).map(({ message, remedy }) =>
        [message, remedy].filter(Boolean).join(' | '),
      );
      assert.deepEqual(found, expected === undefined ? [] : [expected]);
    });
  }
});
