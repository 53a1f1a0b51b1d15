import assert from 'node:assert/strict';
import { test } from 'node:test';
import { minutes, seconds } from '../../../lib/duration.ts';
import { announcerLease, announcerLeaseInterval, isRenewedLately, readAnnouncerLease } from './announcer-lease.ts';

const NOW = Date.UTC(2026, 0, 1);
const FACTS = { node: 'n1', port: 7952, hears: ['n3', 'n2'], onLan: true, macs: ['02:00:00:00:00:01'], ready: true };

test('a lease says what its announcer wrote', () => {
  const lease = announcerLease(FACTS, NOW);
  assert.deepEqual(readAnnouncerLease(lease), { ...FACTS, hears: ['n2', 'n3'], duration: seconds(15), renewed: NOW });
  const silent = { ...FACTS, port: undefined, hears: [], onLan: false, macs: [], ready: false };
  assert.deepEqual(readAnnouncerLease(announcerLease(silent, NOW)), { ...silent, duration: seconds(15), renewed: NOW });
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
    duration: seconds(15),
    renewed: undefined,
  });
});

test('a lease counts as renewed for its duration', () => {
  const read = readAnnouncerLease(announcerLease(FACTS, NOW));
  assert.ok(read);
  assert.equal(isRenewedLately(read, NOW + 14_999), true);
  assert.equal(isRenewedLately(read, NOW + 15_000), false);
});

test('the more announcers there are, the longer their leases last, so that all are told of no more than ten renewals a second', () => {
  assert.equal(announcerLeaseInterval(1), seconds(5));
  assert.equal(announcerLeaseInterval(50), seconds(5));
  assert.equal(announcerLeaseInterval(500), seconds(50));
  const read = readAnnouncerLease(announcerLease(FACTS, NOW, announcerLeaseInterval(500)));
  assert.equal(read?.duration, seconds(150));
  assert.equal(read && isRenewedLately(read, NOW + 149_999), true);
  assert.equal(read && isRenewedLately(read, NOW + 150_000), false);
});

test('a lease that says of itself that it never ends is not believed', () => {
  const lease = announcerLease(FACTS, NOW);
  const endless = readAnnouncerLease({ ...lease, spec: { ...lease.spec, leaseDurationSeconds: 2_000_000_000 } });
  assert.equal(endless?.duration, minutes(30));
});
