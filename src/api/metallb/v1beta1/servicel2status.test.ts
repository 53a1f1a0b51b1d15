import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admitted, mistakesOf } from '../../testing.ts';
import { ServiceL2Status } from './servicel2status.ts';

const status = { node: 'node1', serviceName: 'web', serviceNamespace: 'shop', interfaces: [{ name: 'eth0' }] };

test('what a ServiceL2Status says comes by its status subresource, so a new one says nothing', () => {
  assert.equal(admitted(ServiceL2Status, { spec: {}, status }).status, undefined);
});

test('an announcement moves to other interfaces, and not to another node or Service', () => {
  const old = { ...admitted(ServiceL2Status, {}), status };
  const moved = { ...status, interfaces: [{ name: 'eth1' }] };
  assert.deepEqual(mistakesOf(ServiceL2Status, { status: moved }, old), []);
  assert.deepEqual(mistakesOf(ServiceL2Status, { status: { ...status, node: 'node2', serviceName: 'mail' } }, old), [
    'status.node: Invalid value: "node2": Value is immutable',
    'status.serviceName: Invalid value: "mail": Value is immutable',
  ]);
});
