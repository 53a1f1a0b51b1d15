import assert from 'node:assert/strict';
import { test } from 'node:test';
import { announcerLease, isRenewedLately, readAnnouncerLease } from './announcer-lease.ts';

const NOW = Date.UTC(2026, 0, 1);
const FACTS = { node: 'n1', port: 7952, hears: ['n3', 'n2'], onLan: true, macs: ['02:00:00:00:00:01'], ready: true };

test('a lease says what its announcer wrote', () => {
  const lease = announcerLease(FACTS, NOW);
  assert.deepEqual(readAnnouncerLease(lease), { ...FACTS, hears: ['n2', 'n3'], renewed: NOW });
  const silent = { ...FACTS, port: undefined, hears: [], onLan: false, macs: [], ready: false };
  assert.deepEqual(readAnnouncerLease(announcerLease(silent, NOW)), { ...silent, renewed: NOW });
});

test('a lease of something else is none, and nonsense in one is passed over', () => {
  const lease = announcerLease(FACTS, NOW);
  const named = (name: string, namespace: string) => ({ ...lease, metadata: { ...lease.metadata, name, namespace } });
  assert.equal(readAnnouncerLease(named('postern-l2.n1', 'default')), undefined);
  assert.equal(readAnnouncerLease(named('metallb-controller', 'metallb-system')), undefined);
  const annotations = { 'postern.dev/heartbeat-port': '70000', 'postern.dev/hears': ',,', 'postern.dev/on-lan': 'x' };
  const odd = { ...lease, metadata: { ...lease.metadata, annotations }, spec: { renewTime: 'yesterday' } };
  assert.deepEqual(readAnnouncerLease(odd), {
    node: 'n1',
    port: undefined,
    hears: [],
    onLan: true,
    macs: [],
    ready: true,
    renewed: undefined,
  });
});

test('a lease counts as renewed for its duration', () => {
  const read = readAnnouncerLease(announcerLease(FACTS, NOW));
  assert.ok(read);
  assert.equal(isRenewedLately(read, NOW + 14_999), true);
  assert.equal(isRenewedLately(read, NOW + 15_000), false);
});
