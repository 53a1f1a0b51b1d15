import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { TransportError } from '../../client/client.ts';
import { schedulerController } from '../scheduler/scheduler.ts';
import { type World, world } from '../testing.ts';
import { virtualMachineInstanceController } from './virtualmachineinstance.ts';

/** Instances get pods, and pods get nodes. */
const CONTROLLERS = [virtualMachineInstanceController, schedulerController];
const key = { namespace: 'ns', name: 'vm' };

function vmi(over: Partial<VirtualMachineInstance['spec']> = {}, name = 'vm'): VirtualMachineInstance {
  return {
    apiVersion: 'kubevirt.io/v1',
    kind: 'VirtualMachineInstance',
    metadata: { namespace: 'ns', name, labels: { special: 'key' }, finalizers: ['foregroundDeleteVirtualMachine'] },
    spec: { domain: { devices: {} }, ...over },
  };
}

type NodeOptions = { ready?: boolean; cordoned?: boolean; labels?: Record<string, string>; taint?: string };

function node(name: string, { ready = true, cordoned = false, labels = {}, taint }: NodeOptions = {}): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    spec: { unschedulable: cordoned, ...(taint ? { taints: [{ key: taint, effect: 'NoSchedule' }] } : {}) },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
  };
}

async function instance(w: World): Promise<VirtualMachineInstance> {
  const found = await w.find(VirtualMachineInstance, key);
  assert.ok(found);
  return found;
}

describe('the VirtualMachineInstance controller', () => {
  it('makes a pod that carries labels and node, once', async () => {
    const w = await world([vmi(), node('node1')], ...CONTROLLERS);
    const pods = await w.all(Pod);
    assert.equal(pods.length, 1);
    const { uid = '' } = (await instance(w)).metadata;
    assert.deepEqual(pods[0]?.metadata.labels, {
      special: 'key',
      'kubevirt.io': 'virt-launcher',
      'kubevirt.io/created-by': uid,
      'vm.kubevirt.io/name': 'vm',
    });
    assert.equal(pods[0]?.spec?.nodeName, 'node1');
    assert.match(pods[0]?.metadata.name ?? '', /^virt-launcher-vm-.{5}$/);
    const { status } = await instance(w);
    assert.deepEqual([status?.phase, status?.nodeName], ['Scheduled', 'node1']);
    await w.stop();
  });

  it('asks for what the guest takes of a node, and passes on where it may run', async () => {
    const cases: [Partial<VirtualMachineInstance['spec']['domain']>, Record<string, string | number>][] = [
      [
        { memory: { guest: '128Mi' }, cpu: { cores: 2, sockets: 2 } },
        { cpu: '400m', memory: '128Mi' },
      ],
      [
        { resources: { requests: { memory: '1Gi', cpu: '2' } }, memory: { guest: '2Gi' } },
        { cpu: '2', memory: '1Gi' },
      ],
      [{ resources: { limits: { memory: '64Mi' } } }, { cpu: '100m', memory: '64Mi' }],
    ];
    for (const [domain, requests] of cases) {
      const tolerations = [{ key: 'gpu', operator: 'Exists' }];
      const spec = { domain: { devices: {}, ...domain }, nodeSelector: { disk: 'fast' }, tolerations };
      const w = await world([vmi(spec)], virtualMachineInstanceController);
      const [pod] = await w.all(Pod);
      assert.deepEqual(pod?.spec?.containers?.[0]?.resources?.requests, requests);
      assert.deepEqual([pod?.spec?.nodeSelector, pod?.spec?.tolerations?.[0]?.key], [{ disk: 'fast' }, 'gpu']);
      await w.stop();
    }
  });

  it('is Scheduling until its pod has a node, and has no second pod', async () => {
    const w = await world([vmi()], virtualMachineInstanceController);
    assert.equal((await instance(w)).status?.phase, 'Scheduling');
    await w.pass(60_000);
    const [pod, ...others] = await w.all(Pod);
    assert.deepEqual([others, pod?.spec?.nodeName], [[], undefined]);
    await w.stop();
  });

  it('spreads guests over nodes, even those that come at the same moment', async () => {
    const guests = ['a', 'b', 'c', 'd'].map((name) => vmi({}, name));
    const w = await world([...guests, node('node1'), node('node2')], ...CONTROLLERS);
    const nodes = (await w.all(Pod)).map(({ spec }) => spec?.nodeName).sort();
    assert.deepEqual(nodes, ['node1', 'node1', 'node2', 'node2']);
    await w.stop();
  });

  it('says why no node takes a guest, and goes on when one does', async () => {
    const nodes = [
      node('node1', { ready: false }),
      node('node2', { cordoned: true }),
      node('node3'),
      node('node4', { labels: { disk: 'fast' }, taint: 'gpu' }),
    ];
    const w = await world([vmi({ nodeSelector: { disk: 'fast' } }), ...nodes], ...CONTROLLERS);
    const { status } = await instance(w);
    const condition = findCondition(status?.conditions, 'PodScheduled');
    assert.deepEqual([status?.phase, condition?.status, condition?.reason], ['Scheduling', 'False', 'Unschedulable']);
    assert.equal(
      condition?.message,
      "0/4 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, " +
        '1 node(s) had untolerated taint {gpu: }, 1 node(s) were not ready, 1 node(s) were unschedulable.',
    );
    w.client.seed(node('node3', { labels: { disk: 'fast' } }));
    await w.settle();
    const placed = await instance(w);
    assert.deepEqual([placed.status?.phase, placed.status?.nodeName], ['Scheduled', 'node3']);
    assert.equal(findCondition(placed.status?.conditions, 'PodScheduled'), undefined);
    await w.stop();
  });

  it('ends the guest through its pod, and lets the instance go when the pod is gone', async () => {
    const w = await world([vmi({ terminationGracePeriodSeconds: 5 }), node('node1')], ...CONTROLLERS);
    await w.client.delete(VirtualMachineInstance, key);
    await w.settle();
    const [pod] = await w.all(Pod);
    assert.equal(pod?.metadata.deletionGracePeriodSeconds, 5);
    assert.ok(await w.find(VirtualMachineInstance, key));
    await w.client.delete(Pod, keyOf(pod ?? vmi()), { gracePeriodSeconds: 0 });
    await w.settle();
    assert.equal(await w.find(VirtualMachineInstance, key), undefined);
    await w.stop();
  });

  it('follows the pod: a guest whose pod has failed, or is gone, has failed', async () => {
    for (const gone of [false, true]) {
      const w = await world([vmi(), node('node1')], ...CONTROLLERS);
      const [pod] = await w.all(Pod);
      assert.ok(pod);
      if (gone) w.client.remove(Pod, keyOf(pod));
      else w.client.seed({ ...pod, status: { phase: 'Failed' } });
      await w.settle();
      const { status } = await instance(w);
      assert.equal(status?.phase, 'Failed');
      assert.equal(findCondition(status?.conditions, 'Ready')?.status, 'False');
      assert.equal((await w.all(Pod)).length, gone ? 0 : 1);
      await w.stop();
    }
  });

  it('asks the server before it gives up a guest whose pod it cannot see', async () => {
    const w = await world([], ...CONTROLLERS);
    const { metadata } = w.client.seed({ ...vmi(), status: { phase: 'Running' } });
    // The pod is there; only the watch has not told of it.
    w.client.failWith((verb, kind) => (verb === 'watch' && kind === 'Pod' ? new TransportError('slow') : undefined));
    w.client.disconnect();
    w.client.seed({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { namespace: 'ns', name: 'p', labels: { 'kubevirt.io/created-by': metadata.uid ?? '' } },
    });
    await w.pass(5000);
    assert.equal((await instance(w)).status?.phase, 'Running');
    w.client.remove(Pod, { namespace: 'ns', name: 'p' });
    await w.pass(120_000);
    assert.equal((await instance(w)).status?.phase, 'Failed');
    await w.stop();
  });

  it('leaves to the node what the node has said', async () => {
    const w = await world([vmi(), node('node1')], ...CONTROLLERS);
    const running = {
      ...(await instance(w)).status,
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
    };
    w.client.seed({ ...(await instance(w)), status: running });
    const [pod] = await w.all(Pod);
    assert.ok(pod);
    w.client.seed({ ...pod, status: { phase: 'Running', podIP: '10.244.0.2' } });
    await w.settle();
    assert.deepEqual((await instance(w)).status, running);
    await w.stop();
  });

  it('gives its finalizer to an instance that a user made', async () => {
    const { finalizers: _, ...metadata } = vmi().metadata;
    const w = await world([{ ...vmi(), metadata }, node('node1')], ...CONTROLLERS);
    assert.deepEqual((await instance(w)).metadata.finalizers, ['foregroundDeleteVirtualMachine']);
    assert.equal((await w.all(Pod)).length, 1);
    await w.stop();
  });
});
