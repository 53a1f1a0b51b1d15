import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { deployment } from '../deployment/testing.ts';
import { replicaSet } from '../replicas/testing.ts';
import { world } from '../testing.ts';
import { podMaker } from './pod-makers.ts';
import { serviceStatusController } from './servicestatus.ts';

const key = { namespace: 'ns', name: 'web' };
const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: key,
  spec: { selector: { app: 'web' }, ipFamilies: ['IPv4'], ports: [{ port: 80 }] },
};

test('a Service says that the deployment which makes its pods is to have none', async () => {
  const w = await world([service, deployment({ replicas: 0 })], serviceStatusController);
  await w.pass(4000);
  const found = await w.find(Service, key);
  const condition = findCondition(found?.status?.conditions, 'postern.dev/EndpointsReady');
  assert.equal(condition?.status, 'False');
  assert.match(condition?.message ?? '', /deployment web makes pods with the label, and is to have none/);
  await w.stop();
});

test('a set that another controls is not told of beside it, and what it cannot do is', () => {
  const set = replicaSet();
  const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'u', controller: true };
  const owned = { ...set, metadata: { ...set.metadata, ownerReferences: [owner] } };
  assert.deepEqual(podMaker('replicaset', owned), []);
  const conditions = [{ type: 'ReplicaFailure', status: 'True', reason: 'FailedCreate', message: 'no room' }];
  const [maker] = podMaker('replicaset', { ...set, status: { conditions } });
  assert.deepEqual([maker?.name, maker?.failure, maker?.labels], ['replicaset web', 'no room', { app: 'web' }]);
  const stuck = [{ type: 'Progressing', status: 'False', message: 'timed out' }];
  assert.equal(podMaker('deployment', { ...set, status: { conditions: stuck } })[0]?.failure, 'timed out');
});
