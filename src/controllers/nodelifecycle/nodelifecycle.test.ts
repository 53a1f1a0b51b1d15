import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import type { ControllerParts } from '../parts.ts';
import { type World, world } from '../testing.ts';
import { nodeLifecycleController } from './nodelifecycle.ts';

const node = (ready: 'True' | 'False' = 'True'): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name: 'node1' },
  spec: { taints: [{ key: 'mine', effect: 'NoSchedule' }] },
  status: { conditions: [{ type: 'Ready', status: ready }] },
});

const lease = (renewTime: string): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name: 'node1', namespace: 'kube-node-lease' },
  spec: { renewTime },
});

const pod: Pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', namespace: 'ns' },
  spec: { nodeName: 'node1' },
  status: {
    phase: 'Running',
    conditions: [
      { type: 'ContainersReady', status: 'True' },
      { type: 'Ready', status: 'True' },
    ],
  },
};

async function state(w: World) {
  const found = await w.find(Node, { name: 'node1' });
  const ofPod = await w.find(Pod, { namespace: 'ns', name: 'p' });
  return {
    node: findCondition(found?.status?.conditions, 'Ready')?.status,
    taints: found?.spec?.taints?.map(({ key, effect }) => `${key}:${effect}`),
    pod: findCondition(ofPod?.status?.conditions, 'Ready')?.status,
  };
}

const well = { node: 'True', taints: ['mine:NoSchedule'], pod: 'True' };
const lost = {
  node: 'Unknown',
  taints: ['mine:NoSchedule', 'node.kubernetes.io/unreachable:NoSchedule', 'node.kubernetes.io/unreachable:NoExecute'],
  pod: 'False',
};

describe('the node life cycle controller', () => {
  it('leaves a node alone that renews its lease', async () => {
    const w = await world([node(), lease('0'), pod], nodeLifecycleController);
    for (let renewal = 1; renewal <= 10; renewal++) {
      await w.pass(10_000);
      w.client.seed(lease(String(renewal)));
      await w.settle();
    }
    assert.deepEqual(await state(w), well);
    assert.deepEqual(w.client.writes, []);
    await w.stop();
  });

  it('does not take a node that has just come, and has not told of itself, for a silent one', async () => {
    const { status: _, ...fresh } = node();
    const w = await world([fresh], nodeLifecycleController);
    await w.settle();
    assert.deepEqual(await w.events(node()), []);
    assert.deepEqual(w.client.writes, []);
    await w.stop();
  });

  it('declares a node lost after forty seconds of silence, and takes it all back when it returns', async () => {
    const w = await world([node(), lease('0'), pod], nodeLifecycleController);
    await w.pass(39_000);
    assert.deepEqual(await state(w), well);
    await w.pass(1000);
    assert.deepEqual(await state(w), lost);
    assert.match((await w.events(node()))[0] ?? '', /^NodeNotReady: /);
    w.client.seed(lease('1'));
    const found = await w.find(Node, { name: 'node1' });
    w.client.seed({ ...found, status: node().status } as Node);
    await w.settle();
    assert.deepEqual(await state(w), well);
    await w.stop();
  });

  it('declares a node lost as soon as it is asked to, but not for one late renewal', async () => {
    const impatient = (parts: ControllerParts) => nodeLifecycleController({ ...parts, nodeMonitorGracePeriod: 10_000 });
    const quick = { ...lease('0'), spec: { renewTime: '0', leaseDurationSeconds: 12 } };
    const w = await world([node(), quick, pod], impatient);
    await w.pass(9000);
    assert.deepEqual(await state(w), well);
    await w.pass(1000);
    assert.deepEqual(await state(w), lost);
    await w.stop();
    const slow = { ...lease('0'), spec: { renewTime: '0', leaseDurationSeconds: 40 } };
    const v = await world([node(), slow, pod], impatient);
    await v.pass(19_000);
    assert.deepEqual(await state(v), well);
    await v.pass(1000);
    assert.deepEqual(await state(v), lost);
    await v.stop();
  });

  it('does not take nodes for silent when its clock is set forward', async () => {
    const w = await world([node(), lease('0'), pod], nodeLifecycleController);
    w.clock.set(3_600_000);
    await w.pass(30_000);
    assert.deepEqual(await state(w), well);
    await w.stop();
  });

  it('gives a whole grace period after its own restart, whatever the time in the lease', async () => {
    const w = await world([node(), lease('1999-01-01T00:00:00Z'), pod], nodeLifecycleController);
    await w.pass(30_000);
    assert.deepEqual(await state(w), well);
    await w.stop();
  });

  it('taints a node that says itself that it is not ready', async () => {
    const w = await world([node('False'), lease('0'), pod], nodeLifecycleController);
    const taints = [
      'mine:NoSchedule',
      'node.kubernetes.io/not-ready:NoSchedule',
      'node.kubernetes.io/not-ready:NoExecute',
    ];
    assert.deepEqual(await state(w), { node: 'False', taints, pod: 'False' });
    await w.stop();
  });

  it('removes the pods of a node that is deleted', async () => {
    const w = await world([node(), lease('0'), pod], nodeLifecycleController);
    w.client.remove(Node, { name: 'node1' });
    await w.settle();
    assert.equal(await w.find(Pod, { namespace: 'ns', name: 'p' }), undefined);
    await w.stop();
  });
});
