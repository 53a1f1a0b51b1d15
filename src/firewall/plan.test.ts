import assert from 'node:assert/strict';
import { test } from 'node:test';
import { opening } from './contract.ts';
import { planOf } from './plan.ts';
import { lines } from './testing.ts';

test('opens what is missing, closes what nobody wants, and leaves the rest', () => {
  const [web, tls, old] = [opening('IPv4', 80), opening('IPv4', 443), opening('IPv6', 80)];
  const { toOpen, toClose, open } = planOf([old, web], [tls, web]);
  assert.deepEqual([toOpen, toClose, open], [[tls], [old], [web]]);
});

test('what is to be open to others is closed as it is, and opened as it is to be', () => {
  const [anyone, some] = [opening('IPv4', 80), opening('IPv4', 80, { sources: ['203.0.113.0/24'] })];
  const plan = planOf([anyone], [some]);
  assert.deepEqual([lines(plan.toOpen), lines(plan.toClose), plan.open], [lines([some]), lines([anyone]), []]);
});
