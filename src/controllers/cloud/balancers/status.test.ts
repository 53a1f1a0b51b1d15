import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from '../../../api/core/v1/service.ts';
import { statusPatch } from './status.ts';

const READY = { kind: 'ready', ingress: [{ ip: '203.0.113.1', ipMode: 'VIP' }] } as const;

function service(status: NonNullable<Service['status']>): Service {
  return { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'ns' }, spec: {}, status };
}

test('a server that does not keep ipMode is not written to again and again', () => {
  const conditions = [
    { type: 'postern.dev/LoadBalancerReady', status: 'True', reason: 'Ensured', message: '', lastTransitionTime: 'x' },
  ];
  const kept = (ingress: object) =>
    statusPatch(service({ conditions, loadBalancer: { ingress: [ingress] } }), READY, 0);
  assert.equal(kept({ ip: '203.0.113.1' }), undefined);
  assert.deepEqual(kept({ ip: '203.0.113.1', ipMode: 'Proxy' }), { loadBalancer: { ingress: READY.ingress } });
});

test('a message is no longer than people read and a server takes', () => {
  const patch = statusPatch(service({}), { kind: 'refused', reason: 'Long', why: 'x'.repeat(100_000) }, 0);
  assert.ok(JSON.stringify(patch).length < 3000);
});
