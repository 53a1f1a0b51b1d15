import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { printTime } from '../../api/time.ts';
import { type World, world } from '../testing.ts';
import { virtualMachineController } from './virtualmachine.ts';

const key = { namespace: 'ns', name: 'vm' };

type Spec = Partial<VirtualMachine['spec']>;

function vm(spec: Spec = { runStrategy: 'Always' }, status: VirtualMachine['status'] = {}): VirtualMachine {
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachine',
    metadata: { ...key },
    spec: {
      template: {
        metadata: { labels: { app: 'web' } },
        spec: { domain: { devices: {}, memory: { guest: '128Mi' } } },
      },
      ...spec,
    },
    status,
  };
}

const instance = (w: World) => w.find(VirtualMachineInstance, key);

async function machine(w: World): Promise<VirtualMachine> {
  const found = await w.find(VirtualMachine, key);
  assert.ok(found);
  return found;
}

const printed = async (w: World) => (await machine(w)).status?.printableStatus;

/** What the node does: the guest runs, and is ready. */
async function run(w: World): Promise<void> {
  const vmi = await instance(w);
  assert.ok(vmi, 'there is an instance to run');
  w.client.seed({
    ...vmi,
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      phaseTransitionTimestamps: [{ phase: 'Running', phaseTransitionTimestamp: printTime(w.clock.now()) }],
    },
  });
  await w.settle();
}

/** What happens when QEMU dies. */
async function fail(w: World, phase: 'Failed' | 'Succeeded' = 'Failed'): Promise<void> {
  const vmi = await instance(w);
  assert.ok(vmi);
  const entered = { phase, phaseTransitionTimestamp: printTime(w.clock.now()) };
  const times = [...(vmi.status?.phaseTransitionTimestamps ?? []), entered];
  w.client.seed({ ...vmi, status: { ...vmi.status, phase, conditions: [], phaseTransitionTimestamps: times } });
  await w.settle();
}

/** What the instance controller does once the pod is gone. */
async function letGo(w: World): Promise<void> {
  assert.ok((await instance(w))?.metadata.deletionTimestamp, 'the instance has been deleted');
  w.client.remove(VirtualMachineInstance, key);
  await w.settle();
}

async function edit(w: World, change: (current: VirtualMachine) => VirtualMachine): Promise<void> {
  w.client.seed(change(await machine(w)));
  await w.settle();
}

describe('the VirtualMachine controller', () => {
  it('makes an instance of the template, and tells how it is', async () => {
    const w = await world([vm()], virtualMachineController);
    const vmi = await instance(w);
    assert.deepEqual(vmi?.metadata.labels, { app: 'web' });
    assert.equal(vmi?.metadata.ownerReferences?.[0]?.kind, 'VirtualMachine');
    assert.deepEqual(vmi?.metadata.finalizers, ['foregroundDeleteVirtualMachine']);
    assert.equal(await printed(w), 'Starting');
    await run(w);
    const { status } = await machine(w);
    assert.deepEqual([status?.printableStatus, status?.created, status?.ready], ['Running', true, true]);
    assert.equal(findCondition(status?.conditions, 'Ready')?.status, 'True');
    assert.deepEqual((await w.events(vm())).length, 1);
    await w.stop();
  });

  it('does not carry a changed template over to a running guest, and says that a restart would', async () => {
    const w = await world([vm()], virtualMachineController);
    await run(w);
    await edit(w, (current) => {
      const metadata = { labels: { app: 'web', special: 'key' } };
      return { ...current, spec: { ...current.spec, template: { ...current.spec.template, metadata } } };
    });
    assert.deepEqual((await instance(w))?.metadata.labels, { app: 'web' });
    const condition = findCondition((await machine(w)).status?.conditions, 'RestartRequired');
    assert.equal(condition?.status, 'True');
    assert.match(condition?.message ?? '', /spec\.template\.metadata\.labels.*special.*postern vm restart vm -n ns/);
    const uid = (await instance(w))?.metadata.uid ?? '';
    await edit(w, (current) => {
      return {
        ...current,
        status: { ...current.status, stateChangeRequests: [{ action: 'Stop', uid }, { action: 'Start' }] },
      };
    });
    assert.equal(await printed(w), 'Stopping');
    await letGo(w);
    assert.deepEqual((await instance(w))?.metadata.labels, { app: 'web', special: 'key' });
    const { status } = await machine(w);
    assert.equal(findCondition(status?.conditions, 'RestartRequired'), undefined);
    assert.equal(status?.stateChangeRequests, undefined);
    await w.stop();
  });

  it('starts a failed guest at once the first time, then ever later while it keeps failing early', async () => {
    const w = await world([vm()], virtualMachineController);
    await run(w);
    await fail(w);
    await letGo(w);
    assert.ok(await instance(w), 'the first failure is followed by a start at once');
    await fail(w);
    await letGo(w);
    assert.equal(await instance(w), undefined);
    assert.equal(await printed(w), 'CrashLoopBackOff');
    await w.pass(10_000);
    assert.ok(await instance(w), 'the second by one after ten seconds');
    await fail(w);
    await letGo(w);
    await w.pass(39_000);
    assert.equal(await instance(w), undefined);
    await w.pass(1000);
    assert.ok(await instance(w), 'the third by one after forty');
    await run(w);
    await w.pass(61_000);
    assert.equal((await machine(w)).status?.startFailure, undefined, 'a guest that runs for a minute starts anew');
    await w.stop();
  });

  const strategies: [string, Spec, VirtualMachine['status'], boolean][] = [
    ['Always', { runStrategy: 'Always' }, {}, true],
    ['running: true', { running: true }, {}, true],
    ['running: false', { running: false }, {}, false],
    ['Halted', { runStrategy: 'Halted' }, {}, false],
    ['Halted with an old request', { runStrategy: 'Halted' }, { stateChangeRequests: [{ action: 'Start' }] }, false],
    ['Manual', { runStrategy: 'Manual' }, {}, false],
    ['Manual, asked to start', { runStrategy: 'Manual' }, { stateChangeRequests: [{ action: 'Start' }] }, true],
    ['Once, new', { runStrategy: 'Once' }, {}, true],
    ['Once, done', { runStrategy: 'Once' }, { runStrategy: 'Once' }, false],
    ['RerunOnFailure, new', { runStrategy: 'RerunOnFailure' }, {}, true],
    ['RerunOnFailure, done', { runStrategy: 'RerunOnFailure' }, { runStrategy: 'RerunOnFailure' }, false],
  ];
  for (const [name, spec, status, starts] of strategies) {
    it(`${starts ? 'starts' : 'does not start'} a guest whose strategy is ${name}`, async () => {
      const w = await world([vm(spec, status)], virtualMachineController);
      assert.equal((await instance(w)) !== undefined, starts);
      await w.stop();
    });
  }

  const ends: [NonNullable<Spec['runStrategy']>, 'Failed' | 'Succeeded', 'again' | 'kept'][] = [
    ['Always', 'Succeeded', 'again'],
    ['RerunOnFailure', 'Failed', 'again'],
    ['RerunOnFailure', 'Succeeded', 'kept'],
    ['Once', 'Failed', 'kept'],
  ];
  for (const [runStrategy, phase, outcome] of ends) {
    it(`${outcome === 'again' ? 'starts again' : 'leaves'} a ${runStrategy} guest that ended as ${phase}`, async () => {
      const w = await world([vm({ runStrategy })], virtualMachineController);
      await run(w);
      const first = (await instance(w))?.metadata.uid;
      await fail(w, phase);
      if (outcome === 'again') await letGo(w);
      const second = await instance(w);
      assert.equal(second?.metadata.uid !== first, outcome === 'again');
      assert.equal(second?.metadata.deletionTimestamp, undefined);
      await w.stop();
    });
  }

  it('stops the guest when it is halted', async () => {
    const w = await world([vm()], virtualMachineController);
    await run(w);
    await edit(w, (current) => ({ ...current, spec: { ...current.spec, runStrategy: 'Halted' } }));
    assert.equal(await printed(w), 'Stopping');
    await letGo(w);
    assert.equal(await printed(w), 'Stopped');
    assert.equal((await machine(w)).status?.created, false);
    await w.stop();
  });

  it('is kept by its finalizer until the guest has ended', async () => {
    const w = await world([vm()], virtualMachineController);
    await run(w);
    await w.client.delete(VirtualMachine, key);
    await w.settle();
    assert.equal(await printed(w), 'Terminating');
    await letGo(w);
    assert.equal(await w.find(VirtualMachine, key), undefined);
    await w.stop();
  });

  it('neither takes over nor ends an instance that somebody else made', async () => {
    const foreign: VirtualMachineInstance = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachineInstance',
      metadata: { ...key },
      spec: { domain: { devices: {} } },
    };
    const w = await world([vm(), foreign], virtualMachineController);
    assert.match((await w.events(vm()))[0] ?? '', /^FailedCreate: cannot start: .* does not control/);
    assert.equal((await instance(w))?.metadata.ownerReferences, undefined);
    await w.stop();
  });
});
