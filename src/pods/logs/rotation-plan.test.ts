import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULT_LIMITS, rotatedName, rotationPlan } from './rotation-plan.ts';

const plan = (...names: readonly string[]) => rotationPlan('0.log', names, DEFAULT_LIMITS);

test('a rotated log is called after the time, in order', () => {
  assert.equal(rotatedName('0.log', Date.UTC(2026, 0, 2, 3, 4, 5)), '0.log.20260102-030405');
});

test('there are never more files than are allowed: the oldest goes', () => {
  assert.deepEqual(
    plan(
      '0.log',
      '0.log.20260101-000001.gz',
      '0.log.20260101-000004',
      '0.log.20260101-000003.gz',
      '0.log.20260101-000002.gz',
    ),
    { remove: ['0.log.20260101-000001.gz'], compress: ['0.log.20260101-000004'] },
  );
});

test('what an end left half done is removed, and done again', () => {
  assert.deepEqual(plan('0.log', '0.log.20260101-000001', '0.log.20260101-000001.gz.tmp'), {
    remove: ['0.log.20260101-000001.gz.tmp'],
    compress: ['0.log.20260101-000001'],
  });
  assert.deepEqual(plan('0.log', '0.log.20260101-000001', '0.log.20260101-000001.gz'), {
    remove: ['0.log.20260101-000001'],
    compress: [],
  });
});

test('the log of another run, and what is nobody’s log, are left alone', () => {
  assert.deepEqual(plan('0.log', '1.log', '10.log.20260101-000001', '0.log.old', '0.logs', 'x.0.log.20260101-000001'), {
    remove: [],
    compress: [],
  });
});

test('with two files there is only the one that is rotated now beside the one that is written', () => {
  const limits = { maxBytes: 1, maxFiles: 2 };
  assert.deepEqual(rotationPlan('0.log', ['0.log', '0.log.20260101-000001'], limits), {
    remove: ['0.log.20260101-000001'],
    compress: [],
  });
});
