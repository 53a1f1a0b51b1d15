import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Lease } from '../../api/coordination/v1/lease.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import type { Toleration } from '../../api/core/v1/pod-placement.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { nodeLifecycleController } from '../nodelifecycle/nodelifecycle.ts';
import { type World, world } from '../testing.ts';
import { taintEvictionController } from './tainteviction.ts';

type Taints = NonNullable<NonNullable<Node['spec']>['taints']>;

const node = (name: string, taints: Taints = []): Node => ({
  apiVersion: 'v1',
  kind: 'Node',
  metadata: { name },
  spec: { taints },
  status: { conditions: [{ type: 'Ready', status: 'True' }] },
});
const lease = (name: string, renewTime: string): Lease => ({
  apiVersion: 'coordination.k8s.io/v1',
  kind: 'Lease',
  metadata: { name, namespace: 'kube-node-lease' },
  spec: { renewTime },
});

function pod(name: string, tolerations: readonly Toleration[] = [], fields: Partial<Pod['metadata']> = {}): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'ns', name, uid: name, ...fields },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i' }], tolerations },
    status: { phase: 'Running' },
  };
}

/** The toleration that every pod is given which has none of its own. */
const forAWhile: Toleration = {
  key: 'node.kubernetes.io/unreachable',
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
};
const empty: Taints = [{ key: 'empty', value: 'yes', effect: 'NoExecute' }];

const leaving = async (w: World) =>
  (await w.all(Pod))
    .filter(({ metadata }) => metadata.deletionTimestamp !== undefined)
    .map(({ metadata }) => metadata.name);

async function taint(w: World, taints: Taints): Promise<void> {
  await w.client.patch(Node, { name: 'n1' }, { type: 'merge', body: { spec: { taints } } });
  await w.settle();
}

describe('the taint eviction controller', () => {
  it('makes pods leave that do not bear a taint, when they bear it no longer', async () => {
    const equal = { key: 'empty', operator: 'Equal', value: 'yes' };
    const pods = [
      pod('bears-not'),
      pod('bears-another', [{ key: 'empty', value: 'no' }]),
      pod('bears', [equal]),
      pod('bears-all', [{ operator: 'Exists' }]),
      pod('bears-for-a-while', [{ ...equal, tolerationSeconds: 20 }]),
    ];
    const w = await world([node('n1'), node('n2'), ...pods], taintEvictionController);
    assert.deepEqual(await leaving(w), []);
    await taint(w, [...empty, { key: 'other', effect: 'NoSchedule' }]);
    assert.deepEqual(await leaving(w), ['bears-another', 'bears-not']);
    await w.pass(19_000);
    assert.deepEqual(await leaving(w), ['bears-another', 'bears-not']);
    await w.pass(1000);
    assert.deepEqual(await leaving(w), ['bears-another', 'bears-for-a-while', 'bears-not']);
    const found = await w.find(Pod, { namespace: 'ns', name: 'bears-not' });
    const why = findCondition(found?.status?.conditions, 'DisruptionTarget');
    assert.deepEqual([why?.status, why?.reason], ['True', 'DeletionByTaintManager']);
    assert.deepEqual(await w.events(pod('bears-not')), ['TaintManagerEviction: Marking for deletion Pod ns/bears-not']);
    await w.stop();
  });

  it('lets pods stay when the taint is gone in time, and counts anew when it comes back', async () => {
    const bears = { key: 'empty', operator: 'Exists', tolerationSeconds: 20 };
    const w = await world([node('n1', empty), pod('p', [bears])], taintEvictionController);
    await w.pass(15_000);
    await taint(w, []);
    assert.deepEqual(await w.events(pod('p')), ['TaintManagerEviction: Cancelling deletion of Pod ns/p']);
    await w.pass(10_000);
    await taint(w, empty);
    await w.pass(19_000);
    assert.deepEqual(await leaving(w), []);
    await w.pass(1000);
    assert.deepEqual(await leaving(w), ['p']);
    await w.stop();
  });

  it('makes pods leave a node that has been silent for as long as they bear it, and not its guests', async () => {
    const owner = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachineInstance',
      name: 'vm',
      uid: 'vm',
      controller: true,
    };
    const labels = { 'kubevirt.io': 'virt-launcher' };
    const guest = pod('guest', [], { labels, ownerReferences: [owner] });
    const objects = [node('n1'), lease('n1', '0'), node('n2'), lease('n2', '0'), pod('p', [forAWhile]), guest];
    const w = await world(objects, nodeLifecycleController, taintEvictionController);
    let renewal = 0;
    const live = async (seconds: number, names: readonly string[]) => {
      for (let passed = 0; passed < seconds; passed += 10) {
        for (const name of names) w.client.seed(lease(name, String(++renewal)));
        await w.pass(10_000);
      }
    };
    await live(330, ['n2']);
    assert.deepEqual(await leaving(w), []);
    await live(20, ['n2']);
    assert.deepEqual(await leaving(w), ['p']);
    await w.stop();
  });

  it('lets pods where they are while all nodes are silent', async () => {
    const objects = [node('n1'), lease('n1', '0'), pod('p', [forAWhile])];
    const w = await world(objects, nodeLifecycleController, taintEvictionController);
    await w.pass(600_000);
    assert.deepEqual(await leaving(w), []);
    w.client.seed(node('n2'));
    w.client.seed(lease('n2', '0'));
    await w.pass(10_000);
    assert.deepEqual(await leaving(w), []);
    await w.stop();
  });
});
