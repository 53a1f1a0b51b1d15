import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { type Json, startTestServer, type TestServer } from '../testing/server.ts';

const VMS = '/apis/kubevirt.io/v1/namespaces/default/virtualmachines';
const VMIS = '/apis/kubevirt.io/v1/namespaces/default/virtualmachineinstances';
const ACTIONS = '/apis/subresources.kubevirt.io/v1/namespaces/default/virtualmachines/vm';
const instanceSpec = { domain: { devices: {}, memory: { guest: '128Mi' } } };

let api: TestServer;
before(async () => {
  api = await startTestServer();
});
after(() => api?.close());
beforeEach(async () => {
  await api.call('DELETE', `${VMS}/vm`);
  await api.call('DELETE', `${VMIS}/vm`);
});

async function machine(run: object): Promise<void> {
  const spec = { ...run, template: { metadata: {}, spec: instanceSpec } };
  const { code, text } = await api.call('POST', VMS, {
    body: { apiVersion: 'kubevirt.io/v1', kind: 'VirtualMachine', metadata: { name: 'vm' }, spec },
  });
  assert.equal(code, 201, text);
}
async function instance(phase?: string): Promise<Json> {
  const body = {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { name: 'vm' },
    spec: instanceSpec,
  };
  const made = await api.call('POST', VMIS, { body });
  assert.equal(made.code, 201, made.text);
  if (phase === undefined) return made.body;
  const type = 'application/merge-patch+json';
  return (await api.call('PATCH', `${VMIS}/vm/status`, { body: { status: { phase } }, type })).body;
}
const act = (action: string, body?: object) =>
  api.call('PUT', `${ACTIONS}/${action}`, body === undefined ? {} : { body });
const get = async () => (await api.call('GET', `${VMS}/vm`)).body;

test('starts a halted machine by its run strategy, in the spelling that it uses', async () => {
  await machine({ runStrategy: 'Halted' });
  assert.equal((await act('start')).code, 202);
  assert.equal((await get()).spec.runStrategy, 'Always');
  await api.call('DELETE', `${VMS}/vm`);
  await machine({ running: false });
  assert.equal((await act('start')).code, 202);
  assert.deepEqual([(await get()).spec.running, (await get()).spec.runStrategy], [true, undefined]);
});

test('asks for a start in the status of a manual machine, once', async () => {
  await machine({ runStrategy: 'Manual' });
  assert.equal((await act('start')).code, 202);
  assert.deepEqual((await get()).status.stateChangeRequests, [{ action: 'Start' }]);
  assert.equal((await act('start')).code, 409);
});

test('refuses to start what runs and to stop or restart what does not, in KubeVirt’s words', async () => {
  await machine({ runStrategy: 'Always' });
  await instance('Running');
  assert.match((await act('start')).body.message, /VM is already running/);
  await api.call('DELETE', `${VMIS}/vm`);
  const restart = await act('restart');
  assert.deepEqual([restart.code, restart.body.reason], [409, 'Conflict']);
  assert.match(restart.body.message, /VM is not running/);
  await api.call('PATCH', `${VMS}/vm`, {
    body: { spec: { runStrategy: 'Halted' } },
    type: 'application/merge-patch+json',
  });
  assert.match((await act('stop')).body.message, /VM is not running/);
});

test('restarts by asking for a stop of this very instance and a start', async () => {
  await machine({ runStrategy: 'Always' });
  const vmi = await instance('Running');
  assert.equal((await act('restart')).code, 202);
  const requests = [{ action: 'Stop', uid: vmi.metadata.uid }, { action: 'Start' }];
  assert.deepEqual((await get()).status.stateChangeRequests, requests);
});

test('stops at once when the grace period is zero', async () => {
  await machine({ runStrategy: 'Always' });
  await instance('Running');
  assert.equal((await act('stop', { gracePeriod: 0 })).code, 202);
  assert.equal((await get()).spec.runStrategy, 'Halted');
  const vmi = await api.call('GET', `${VMIS}/vm`);
  assert.ok(vmi.code === 404 || vmi.body.metadata.deletionTimestamp, vmi.text);
  assert.equal((await act('stop', { gracePeriod: -1 })).code, 400);
});

test('answers 404 for machines and actions that do not exist', async () => {
  assert.equal((await act('start')).body.message, 'virtualmachines.kubevirt.io "vm" not found');
  assert.equal((await act('explode')).code, 404);
  assert.equal((await api.call('GET', `${ACTIONS}/start`)).code, 405);
});
