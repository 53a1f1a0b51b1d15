import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../api/core/v1/event.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { whyHeld } from './why-held.ts';

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'ns' },
  spec: { type: 'LoadBalancer' },
  status: { loadBalancer: { ingress: [{ ip: '192.0.2.10' }, { ip: '2001:db8::10' }] } },
};
const told = (second: number, reason: string, message: string): Event => ({
  apiVersion: 'v1',
  kind: 'Event',
  metadata: { name: `web.${second}`, namespace: 'ns' },
  involvedObject: { kind: 'Service', namespace: 'ns', name: 'web' },
  lastTimestamp: `2026-01-02T03:04:0${second}Z`,
  ...{ reason, message },
});
const HELD = '192.0.2.10 is not announced on interface eth0 of node "n1": the host 02:00:00:00:00:99 holds it';
const OVER = '192.0.2.10 is free again on interface eth0 of node "n1"';
const messages = (events: readonly Event[]) => whyHeld(service, events).map(({ message }) => message);

test('an address that another host holds is told, with what the announcer said and when', () => {
  assert.deepEqual(messages([told(1, 'AddressConflict', HELD)]), [`since 2026-01-02T03:04:01Z, ${HELD}`]);
});

test('what was told last counts, in whatever order Events come', () => {
  assert.deepEqual(messages([told(2, 'AddressConflictOver', OVER), told(1, 'AddressConflict', HELD)]), []);
  assert.equal(messages([told(3, 'AddressConflict', HELD), told(2, 'AddressConflictOver', OVER)]).length, 1);
});

test('addresses that the Service no longer has, and other Events, say nothing', () => {
  assert.deepEqual(messages([told(1, 'AddressConflict', HELD.replace('.10', '.11'))]), []);
  assert.deepEqual(messages([told(1, 'nodeAssigned', HELD)]), []);
});

test('an end that is told of one family leaves the other held', () => {
  const events = [
    told(1, 'AddressConflict', HELD.replace('192.0.2.10', '2001:db8::10')),
    told(2, 'AddressConflictOver', OVER),
  ];
  assert.match(messages(events).join(), /^since \S+, 2001:db8::10 is not announced/);
});
