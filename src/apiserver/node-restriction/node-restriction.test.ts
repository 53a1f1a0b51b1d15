import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Lease } from '../../api/coordination/v1/lease.ts';
import { ConfigMap } from '../../api/core/v1/configmap.ts';
import { Event } from '../../api/core/v1/event.ts';
import { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Secret } from '../../api/core/v1/secret.ts';
import type { AnyKind } from '../../api/kinds.ts';
import { VirtualMachineInstance } from '../../api/kubevirt/v1/virtualmachineinstance.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import { ApiError } from '../../api/status.ts';
import type { User } from '../auth/user.ts';
import { nodeRestriction } from './node-restriction.ts';

const N1: User = { name: 'system:node:n1', groups: ['system:nodes'] };

/** What an agent of n1 is told when it makes `next` of `old`; undefined: it may. */
async function why(
  kind: AnyKind,
  old: object | undefined,
  next: object | undefined,
  { subresource, by = N1 }: { subresource?: string; by?: User } = {},
): Promise<string | undefined> {
  const of = (fields: object | undefined) =>
    fields && ({ apiVersion: kind.apiVersion, kind: kind.kind, metadata: { name: 'n1' }, ...fields } as KubeObject);
  try {
    await nodeRestriction().admit({ kind, old: of(old), next: of(next), by, subresource });
    return undefined;
  } catch (error) {
    assert.ok(error instanceof ApiError);
    assert.equal(error.code, 403);
    return error.message;
  }
}

const labelled = (labels: object, spec: object = {}) => ({ metadata: { name: 'n1', labels }, spec });

describe('node restriction', () => {
  it('leaves alone what is written by others, and by the server itself', async () => {
    const admin: User = { name: 'admin', groups: ['system:masters'] };
    assert.equal(await why(ConfigMap, undefined, {}, { by: admin }), undefined);
    await nodeRestriction().admit({ kind: ConfigMap, old: undefined, next: undefined });
  });

  it('keeps an agent to its own Node, whose taints, prefixes and owners it leaves to others', async () => {
    assert.equal(await why(Node, undefined, {}), undefined);
    assert.match((await why(Node, undefined, { metadata: { name: 'n2' } })) ?? '', /not allowed to modify node "n2"/);
    assert.match((await why(Node, {}, undefined)) ?? '', /not allowed to delete itself/);
    const taints = [{ key: 'a', effect: 'NoSchedule' }];
    assert.match((await why(Node, { spec: { taints } }, {})) ?? '', /not allowed to modify taints/);
    assert.equal(await why(Node, { spec: { taints } }, { spec: { taints } }), undefined);
    assert.match((await why(Node, {}, { spec: { podCIDRs: ['10.244.9.0/24'] } })) ?? '', /give itself podCIDRs/);
    const owner = { ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name: 'x', uid: 'y' }] };
    assert.match((await why(Node, {}, { metadata: { name: 'n1', ...owner } })) ?? '', /set ownerReferences/);
  });

  it('lets an agent label its Node as the machine is, and not as one that is trusted', async () => {
    const good = ['kubernetes.io/hostname', 'topology.kubernetes.io/zone', 'node.kubernetes.io/x', 'a.example/b', 'c'];
    for (const label of good) assert.equal(await why(Node, {}, labelled({ [label]: 'x' })), undefined, label);
    const bad = [
      'node-restriction.kubernetes.io/pci',
      'a.node-restriction.kubernetes.io/pci',
      'node-role.kubernetes.io/control-plane',
      'x.k8s.io/y',
      'kubernetes.io/other',
    ];
    for (const label of bad) {
      assert.match((await why(Node, {}, labelled({ [label]: 'x' }))) ?? '', /not allowed to modify labels/, label);
      assert.match((await why(Node, labelled({ [label]: 'x' }), labelled({}))) ?? '', /modify labels/, label);
      assert.equal(await why(Node, labelled({ [label]: 'x' }), labelled({ [label]: 'x' })), undefined, label);
    }
  });

  it('keeps an agent to the pods of its node, and to their status and end', async () => {
    const [own, other] = [{ spec: { nodeName: 'n1' } }, { spec: { nodeName: 'n2' } }];
    assert.equal(await why(Pod, own, own, { subresource: 'status' }), undefined);
    assert.equal(await why(Pod, own, undefined), undefined);
    assert.equal(await why(Pod, own, own, { subresource: 'eviction' }), undefined);
    assert.match((await why(Pod, other, other, { subresource: 'status' })) ?? '', /and "n1" has "n2"/);
    assert.match((await why(Pod, other, undefined)) ?? '', /and "n1" has "n2"/);
    assert.match((await why(Pod, {}, undefined)) ?? '', /and "n1" has ""/);
    assert.match((await why(Pod, undefined, own)) ?? '', /does not make pods/);
    const relabelled = { ...own, metadata: { name: 'n1', labels: { app: 'bank' } } };
    assert.match((await why(Pod, own, relabelled, { subresource: 'status' })) ?? '', /cannot change the labels/);
  });

  it('keeps an agent to the status of guests that are its own, and stay so', async () => {
    const on = (nodeName: string) => ({ status: { nodeName } });
    const status = { subresource: 'status' };
    assert.equal(await why(VirtualMachineInstance, on('n1'), on('n1'), status), undefined);
    const wrong = [
      await why(VirtualMachineInstance, on('n2'), on('n1'), status),
      await why(VirtualMachineInstance, on('n1'), on('n2'), status),
      await why(VirtualMachineInstance, on('n1'), on('n1')),
      await why(VirtualMachineInstance, on('n1'), undefined),
    ];
    for (const text of wrong) assert.match(text ?? '', /only change the status of guests that it runs/);
  });

  it('keeps an agent to leases, announcements and events of itself', async () => {
    const lease = (namespace: string, name: string) => ({ metadata: { namespace, name } });
    assert.equal(await why(Lease, undefined, lease('kube-node-lease', 'n1')), undefined);
    assert.equal(await why(Lease, undefined, lease('metallb-system', 'postern-l2.n1')), undefined);
    assert.match((await why(Lease, undefined, lease('kube-node-lease', 'n2'))) ?? '', /with the name "n1"/);
    assert.match((await why(Lease, undefined, lease('metallb-system', 'n1'))) ?? '', /"postern-l2\.n1"/);
    const announced = (node: string) => ({
      metadata: { name: 'x', labels: { 'metallb.io/node': node } },
      status: { node },
    });
    assert.equal(await why(ServiceL2Status, undefined, announced('n1')), undefined);
    assert.match((await why(ServiceL2Status, undefined, announced('n2'))) ?? '', /is about node "n2"/);
    assert.equal(await why(ServiceL2Status, announced('n2'), undefined), undefined, 'what another left is tidied up');
    assert.equal(await why(Event, undefined, { source: { host: 'n1' } }), undefined);
    assert.match((await why(Event, undefined, { source: { host: 'n2' } })) ?? '', /cannot speak for node "n2"/);
  });

  it('lets an announcer make the key of heartbeats, and nothing else that no agent needs', async () => {
    const secret = (namespace: string, name: string) => ({ metadata: { namespace, name } });
    const key = secret('metallb-system', 'postern-l2-heartbeat');
    assert.equal(await why(Secret, undefined, key), undefined);
    assert.match((await why(Secret, key, key)) ?? '', /make no Secret but/);
    assert.match((await why(Secret, undefined, secret('metallb-system', 'x'))) ?? '', /make no Secret but/);
    assert.match((await why(Secret, undefined, secret('default', 'postern-l2-heartbeat'))) ?? '', /make no Secret but/);
    assert.match((await why(ConfigMap, undefined, {})) ?? '', /agents of nodes do not write these/);
  });
});
