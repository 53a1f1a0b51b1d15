import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OciError } from '../oci/calls.ts';
import { service } from '../testing.ts';
import { tellEnd } from './tell.ts';

test('the log has of a failure what a cloud’s support asks for, and people have its message', () => {
  const logged: object[] = [];
  const told: string[] = [];
  const log = { warn: (fields: object) => void logged.push(fields) };
  const events = {
    event: (_service: object, _type: string, reason: string, message: string) =>
      void told.push(`${reason}: ${message}`),
  };
  const cause = new OciError('createLoadBalancer: 429 TooManyRequests', {
    status: 429,
    code: 'TooManyRequests',
    requestId: 'of-this-request',
  });
  const kept = tellEnd(
    service('web'),
    { before: undefined, outcome: { kind: 'failed', why: cause.message, cause }, news: 'service' },
    { log, events },
  );
  assert.deepEqual(logged, [{ controller: 'cloud', key: 'ns/web', err: cause }]);
  assert.deepEqual(told, [
    'SyncLoadBalancerFailed: Error syncing load balancer: failed to ensure load balancer: createLoadBalancer: 429 TooManyRequests',
  ]);
  assert.equal(kept.news, 'service', 'it is still to be told that it is done');
});
