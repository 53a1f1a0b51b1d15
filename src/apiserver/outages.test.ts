import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeClock } from '../host/clock.ts';
import { type Logger, silentLogger } from '../host/log.ts';
import { seconds } from '../lib/duration.ts';
import { StoreFullError } from '../store/errors.ts';
import { StoreUnavailableError } from '../store/etcd/errors.ts';
import { faultFields, Outages } from './outages.ts';

test('an outage is told at its first request, then each half a minute with how many more there were, without stacks', async () => {
  const clock = new FakeClock();
  const told: object[] = [];
  const log: Logger = { ...silentLogger, error: (fields) => told.push(fields) };
  const outages = new Outages(clock, log);
  const request = { method: 'GET', path: '/api/v1/pods' };
  const away = new StoreUnavailableError('read from etcd', new Error('no leader'));
  for (let i = 0; i < 100; i++) outages.tell(away, request);
  outages.tell(new StoreFullError('write to etcd', new Error('no space'), 'make room'), request);
  await clock.advance(seconds(30));
  outages.tell(away, request);
  const reason = 'read from etcd: no leader';
  assert.deepEqual(told, [
    { reason, ...request },
    { reason: 'write to etcd: no space: make room', ...request },
    { reason, ...request, moreSinceLastTold: 99 },
  ]);
});

test('of an outage a line of the log has the reason, of a mistake the stack', () => {
  const mistake = new TypeError('x is not a function');
  assert.deepEqual(faultFields(mistake), { err: mistake });
  assert.deepEqual(faultFields(new StoreUnavailableError('read', mistake)), { reason: 'read: x is not a function' });
});
