/** A node that is cut off, and comes back: of what it runs there is never a second, nor is there one too few for long. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import type { VirtualMachine } from '../../api/kubevirt/v1/virtualmachine.ts';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { podCollector } from '../podgc/podgc.ts';
import { schedulerController } from '../scheduler/scheduler.ts';
import { taintEvictionController } from '../tainteviction/tainteviction.ts';
import { type World, world } from '../testing.ts';
import { virtualMachineController } from '../virtualmachine/virtualmachine.ts';
import { virtualMachineInstanceController } from '../virtualmachineinstance/virtualmachineinstance.ts';
import { nodeLifecycleController } from './nodelifecycle.ts';

const node = (name: string): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: {},
  status: {
    conditions: [{ type: 'Ready', status: 'True' }],
    allocatable: { cpu: '4', memory: '8Gi', pods: '110' },
  },
});

const machine: VirtualMachine = {
  apiVersion: 'kubevirt.io/v1',
  kind: 'VirtualMachine',
  metadata: { namespace: 'ns', name: 'vm' },
  spec: { runStrategy: 'Always', template: { spec: { domain: { devices: {}, memory: { guest: '128Mi' } } } } },
};

/** A cluster in which both nodes run agents, of which one may be cut off. */
async function cluster() {
  const w = await world(
    [node('n1'), node('n2'), machine],
    nodeLifecycleController,
    taintEvictionController,
    (parts) => podCollector(parts),
    schedulerController,
    virtualMachineController,
    virtualMachineInstanceController,
  );
  const away = new Set<string>();
  /** What agents do that reach the API: they give signs of life, run what is theirs, and let go of what is to go. */
  const agents = async () => {
    for (const name of ['n1', 'n2']) {
      if (!away.has(name)) await live(w, name);
    }
    await w.settle();
  };
  const pass = async (seconds: number) => {
    for (let i = 0; i < seconds; i += 5) {
      await agents();
      await w.pass(5000);
    }
    await agents();
  };
  return { w, away, pass };
}

let renewals = 0;

async function live(w: World, name: string): Promise<void> {
  const lease: Lease = {
    apiVersion: 'coordination.k8s.io/v1',
    kind: 'Lease',
    metadata: { name, namespace: 'kube-node-lease' },
    spec: { renewTime: String(++renewals) },
  };
  w.client.seed(lease);
  const found = await w.find(Node, { name });
  if (found === undefined) return;
  if (findCondition(found.status?.conditions, 'Ready')?.status !== 'True') {
    w.client.seed({ ...found, status: node(name).status });
  }
  for (const pod of await w.all(Pod)) {
    if (pod.spec?.nodeName !== name) continue;
    if (pod.metadata.deletionTimestamp !== undefined) {
      await w.client.delete(Pod, keyOf(pod), { gracePeriodSeconds: 0 });
    } else if (pod.status?.phase !== 'Running') {
      const ready = { type: 'Ready', status: 'True' };
      const conditions = [...(pod.status?.conditions ?? []), { type: 'ContainersReady', status: 'True' }, ready];
      await w.client.updateStatus(Pod, { ...pod, status: { ...pod.status, phase: 'Running', conditions } });
    }
  }
}

const pods = async (w: World) =>
  (await w.all(Pod)).map(({ spec, metadata }) => `${spec?.nodeName}${metadata.deletionTimestamp ? ' going' : ''}`);
const instances = async (w: World) => (await w.all(VirtualMachineInstance)).length;
const ready = async (w: World) =>
  (await w.all(Pod)).map(({ status }) => findCondition(status?.conditions, 'Ready')?.status);

test('a node that is away for a minute keeps its guests, which are not ready meanwhile', async () => {
  const { w, away, pass } = await cluster();
  await pass(5);
  const [home = ''] = await pods(w);
  const uid = (await w.all(Pod))[0]?.metadata.uid;
  away.add(home);
  await pass(60);
  assert.deepEqual([await pods(w), await ready(w), await instances(w)], [[home], ['False'], 1]);
  away.delete(home);
  await pass(5);
  assert.deepEqual([await pods(w), await ready(w), await instances(w)], [[home], ['True'], 1]);
  assert.equal((await w.all(Pod))[0]?.metadata.uid, uid);
  await w.stop();
});

test('a guest that is deleted while its node is away gets no double: its node says first that it is gone', async () => {
  const { w, away, pass } = await cluster();
  await pass(5);
  const [home = ''] = await pods(w);
  const uid = (await w.all(Pod))[0]?.metadata.uid;
  away.add(home);
  await pass(600);
  // However long it takes: nobody knows whether it still runs, and writes to its disks.
  assert.deepEqual([await pods(w), await instances(w)], [[home], 1]);
  await w.client.delete(VirtualMachineInstance, { namespace: 'ns', name: 'vm' });
  await pass(600);
  assert.deepEqual([await pods(w), await instances(w)], [[`${home} going`], 1]);
  away.delete(home);
  await pass(60);
  assert.deepEqual([await ready(w), await instances(w)], [['True'], 1]);
  assert.notEqual((await w.all(Pod))[0]?.metadata.uid, uid);
  await w.stop();
});

test('a node that is deleted, as whoever knows that it is off does, gives its guests up at once', async () => {
  const { w, away, pass } = await cluster();
  await pass(5);
  const [home = ''] = await pods(w);
  const other = home === 'n1' ? 'n2' : 'n1';
  away.add(home);
  await pass(60);
  await w.client.delete(Node, { name: home });
  await pass(60);
  assert.deepEqual([await pods(w), await ready(w), await instances(w)], [[other], ['True'], 1]);
  await w.stop();
});
