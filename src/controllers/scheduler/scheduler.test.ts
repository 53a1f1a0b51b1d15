import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { processorTime } from '../../../test/support/processor-time.ts';
import type { Namespace } from '../../api/core/v1/namespace.ts';
import type { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import type { PodSpec } from '../../api/core/v1/pod-spec.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { TransportError } from '../../client/client.ts';
import { type World, world } from '../testing.ts';
import { schedulerController } from './scheduler.ts';

const ZONE = 'topology.kubernetes.io/zone';

type NodeOptions = {
  readonly ready?: boolean;
  readonly cordoned?: boolean;
  readonly labels?: Record<string, string>;
  readonly taint?: { readonly key: string; readonly effect: string; readonly value?: string };
  readonly allocatable?: Record<string, string>;
  readonly conditions?: Record<string, string>;
};

function node(name: string, options: NodeOptions = {}): Node {
  const { ready = true, cordoned = false, labels = {}, taint, conditions = {} } = options;
  const { allocatable = { cpu: '4', memory: '8Gi', pods: '110' } } = options;
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...labels } },
    spec: { unschedulable: cordoned, ...(taint ? { taints: [taint] } : {}) },
    status: {
      allocatable,
      conditions: Object.entries({ Ready: ready ? 'True' : 'False', ...conditions }).map(([type, status]) => ({
        type,
        status,
      })),
    },
  };
}

type PodOptions = Omit<PodSpec, 'containers'> & {
  readonly labels?: Record<string, string>;
  readonly owner?: string;
  readonly requests?: Record<string, string>;
  readonly hostPort?: number;
  readonly namespace?: string;
};

function pod(
  name: string,
  { labels = {}, owner, requests, hostPort, namespace = 'ns', ...spec }: PodOptions = {},
): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace,
      name,
      labels,
      ...(owner
        ? {
            ownerReferences: [{ apiVersion: 'apps/v1', kind: 'ReplicaSet', name: owner, uid: owner, controller: true }],
          }
        : {}),
    },
    spec: {
      containers: [
        {
          name: 'c',
          image: 'i',
          ...(requests ? { resources: { requests } } : {}),
          ...(hostPort ? { ports: [{ containerPort: 80, hostPort, protocol: 'TCP' }] } : {}),
        },
      ],
      ...spec,
    },
  };
}

async function nodesOf(w: World): Promise<Record<string, string | undefined>> {
  return Object.fromEntries((await w.all(Pod)).map(({ metadata, spec }) => [metadata.name, spec?.nodeName]));
}

async function whyNot(w: World, name: string): Promise<string | undefined> {
  const found = await w.find(Pod, { namespace: 'ns', name });
  const condition = findCondition(found?.status?.conditions, 'PodScheduled');
  return condition?.status === 'False' ? `${condition.reason}: ${condition.message}` : undefined;
}

const near = (app: string, topologyKey = 'kubernetes.io/hostname') => ({
  requiredDuringSchedulingIgnoredDuringExecution: [{ labelSelector: { matchLabels: { app } }, topologyKey }],
});

describe('the scheduler', () => {
  it('gives a pod a node, once, and says so', async () => {
    const p = pod('a');
    const w = await world([p, node('node1')], schedulerController);
    assert.deepEqual(await nodesOf(w), { a: 'node1' });
    assert.deepEqual(await w.events(p), ['Scheduled: Successfully assigned ns/a to node1']);
    assert.equal(w.client.calls.length, 1);
    await w.stop();
  });

  it('leaves alone pods that ask for another scheduler, have a node, are ending or have ended', async () => {
    const ended: Pod = { ...pod('ended'), status: { phase: 'Failed' } };
    const ending = {
      ...pod('ending'),
      metadata: { ...pod('ending').metadata, deletionTimestamp: '2026-01-01T00:00:00Z' },
    };
    const objects = [pod('other', { schedulerName: 'mine' }), pod('bound', { nodeName: 'node9' }), ended, ending];
    const w = await world([...objects, node('node1')], schedulerController);
    assert.deepEqual(w.client.calls, []);
    await w.stop();
  });

  it('says of all nodes why they do not take a pod, in the words of Kubernetes', async () => {
    const nodes = [
      node('n1', { ready: false }),
      node('n2', { cordoned: true }),
      node('n3'),
      node('n4', { labels: { disk: 'fast' }, taint: { key: 'gpu', value: 'yes', effect: 'NoSchedule' } }),
      node('n5', { labels: { disk: 'fast' }, allocatable: { cpu: '1', memory: '1Gi', pods: '10' } }),
      node('n6', { labels: { disk: 'fast' }, conditions: { 'postern.dev/ContainerRuntimeReady': 'False' } }),
    ];
    const p = pod('a', { nodeSelector: { disk: 'fast' }, requests: { cpu: '2', memory: '2Gi' } });
    const w = await world([p, ...nodes], schedulerController);
    const message =
      '0/6 nodes are available: 1 Insufficient cpu, 1 Insufficient memory, ' +
      "1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had no container runtime that is ready, " +
      '1 node(s) had untolerated taint {gpu: yes}, 1 node(s) were not ready, 1 node(s) were unschedulable.';
    assert.equal(await whyNot(w, 'a'), `Unschedulable: ${message}`);
    assert.deepEqual(await w.events(p), [`FailedScheduling: ${message}`]);
    await w.stop();
  });

  it('tries again when a change may help, and only then', async () => {
    const w = await world([pod('a', { nodeSelector: { disk: 'fast' } })], schedulerController);
    assert.equal(await whyNot(w, 'a'), 'Unschedulable: no nodes available to schedule pods');
    w.client.seed(node('node1'));
    await w.settle();
    const writes = w.client.writes.length;
    assert.match((await whyNot(w, 'a')) ?? '', /^Unschedulable: 0\/1 nodes are available/);
    // Neither a pod that comes, nor time, changes the node's labels.
    w.client.seed(pod('b', { nodeName: 'node1' }));
    await w.pass(60_000);
    assert.equal(w.client.writes.length, writes);
    w.client.seed(node('node1', { labels: { disk: 'fast' } }));
    await w.pass(1000);
    assert.deepEqual(await nodesOf(w), { a: 'node1', b: 'node1' });
    await w.stop();
  });

  it('gives no room away twice, and gives it again when a pod has left', async () => {
    const pods = ['a', 'b', 'c'].map((name) => pod(name, { requests: { cpu: '1500m' } }));
    const w = await world([...pods, node('node1')], schedulerController);
    assert.deepEqual(await nodesOf(w), { a: 'node1', b: 'node1', c: undefined });
    assert.equal(await whyNot(w, 'c'), 'Unschedulable: 0/1 nodes are available: 1 Insufficient cpu.');
    w.client.remove(Pod, { namespace: 'ns', name: 'a' });
    await w.pass(1000);
    assert.deepEqual(await nodesOf(w), { b: 'node1', c: 'node1' });
    await w.stop();
  });

  it('takes back what it meant to give when the server refuses, and tries again', async () => {
    const w = await world([node('node1')], schedulerController);
    w.client.failWith((verb, kind) => (verb === 'get' && kind === 'Pod' ? new TransportError('gone') : undefined));
    w.client.seed(pod('a', { requests: { cpu: '3' } }));
    await w.settle();
    assert.deepEqual(await nodesOf(w), { a: undefined });
    w.client.failWith(undefined);
    await w.pass(1000);
    assert.deepEqual(await nodesOf(w), { a: 'node1' });
    await w.stop();
  });

  it('does not place a pod with scheduling gates, until the last is taken away', async () => {
    const gated = pod('a', { schedulingGates: [{ name: 'quota' }] });
    const w = await world([gated, node('node1')], schedulerController);
    assert.equal(await whyNot(w, 'a'), 'SchedulingGated: Scheduling is blocked due to non-empty scheduling gates');
    w.client.seed(pod('a'));
    await w.settle();
    assert.deepEqual(await nodesOf(w), { a: 'node1' });
    await w.stop();
  });

  it('keeps pods off nodes that have no container runtime, unless they are guests', async () => {
    const bare = node('bare', { conditions: { 'postern.dev/ContainerRuntimeReady': 'False' } });
    const silent = {
      ...node('silent'),
      status: { ...node('silent').status, nodeInfo: { containerRuntimeVersion: 'postern://0.1.0' } },
    };
    const guest = pod('guest', { labels: { 'kubevirt.io': 'virt-launcher' } });
    const owner = {
      apiVersion: 'kubevirt.io/v1',
      kind: 'VirtualMachineInstance',
      name: 'vm',
      uid: 'u',
      controller: true,
    };
    const w = await world(
      [{ ...guest, metadata: { ...guest.metadata, ownerReferences: [owner] } }, pod('a'), bare, silent],
      schedulerController,
    );
    assert.deepEqual(await nodesOf(w), { guest: 'bare', a: undefined });
    await w.stop();
  });

  it('spreads the pods of one controller over nodes, and others by what nodes have left', async () => {
    const replicas = ['r1', 'r2', 'r3', 'r4'].map((name) => pod(name, { owner: 'web' }));
    const w = await world([...replicas, node('node1'), node('node2')], schedulerController);
    const count = async () => {
      const names = Object.values(await nodesOf(w));
      return ['node1', 'node2'].map((each) => names.filter((name) => name === each).length);
    };
    assert.deepEqual(await count(), [2, 2]);
    w.client.seed(pod('big', { requests: { cpu: '3' } }));
    await w.settle();
    const { big } = await nodesOf(w);
    w.client.seed(pod('small'));
    await w.settle();
    assert.notEqual((await nodesOf(w))['small'], big);
    await w.stop();
  });

  it('keeps host ports apart, by protocol and address', async () => {
    const pods = [pod('a', { hostPort: 8080 }), pod('b', { hostPort: 8080 }), pod('c', { hostPort: 8081 })];
    const w = await world([...pods, node('node1')], schedulerController);
    assert.deepEqual(await nodesOf(w), { a: 'node1', b: undefined, c: 'node1' });
    assert.match((await whyNot(w, 'b')) ?? '', /1 node\(s\) didn't have free ports for the requested pod ports/);
    await w.stop();
  });

  it('follows taints, tolerations and node affinity, required and preferred', async () => {
    const tolerant = { tolerations: [{ key: 'gpu', operator: 'Exists' }] };
    const wants = (key: string, operator: string, values?: string[]) => ({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key, operator, ...(values ? { values } : {}) }] }],
          },
        },
      },
    });
    const prefers = {
      affinity: {
        nodeAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 10, preference: { matchExpressions: [{ key: 'cores', operator: 'Gt', values: ['8'] }] } },
          ],
        },
      },
    };
    const nodes = [
      node('node1', { taint: { key: 'gpu', effect: 'NoSchedule' }, labels: { gpu: 'a' } }),
      node('node2', { labels: { cores: '4' } }),
      node('node3', { labels: { cores: '16' } }),
    ];
    const pods = [
      pod('gpu', { ...tolerant, ...wants('gpu', 'In', ['a', 'b']) }),
      pod('no-gpu', { ...tolerant, ...wants('cores', 'Lt', ['8']) }),
      pod('many', prefers),
    ];
    const w = await world([...pods, ...nodes], schedulerController);
    assert.deepEqual(await nodesOf(w), { gpu: 'node1', 'no-gpu': 'node2', many: 'node3' });
    await w.stop();
  });

  it('places pods near each other, and keeps them apart, by place', async () => {
    const zoned = ['a', 'b', 'c'].map((zone, i) => node(`node${i + 1}`, { labels: { [ZONE]: zone } }));
    const web = (name: string) =>
      pod(name, { labels: { app: 'web' }, affinity: { podAntiAffinity: near('web', ZONE) } });
    const w = await world([web('w1'), web('w2'), web('w3'), web('w4'), ...zoned], schedulerController);
    const placed = await nodesOf(w);
    assert.deepEqual([placed['w1'], placed['w2'], placed['w3'], placed['w4']].sort(), [
      'node1',
      'node2',
      'node3',
      undefined,
    ]);
    assert.match((await whyNot(w, 'w4')) ?? '', /3 node\(s\) didn't match pod anti-affinity rules/);
    // Those who are there do not want a pod with this label near them, though it does not mind.
    w.client.seed(pod('plain', { labels: { app: 'web' } }));
    w.client.seed(pod('cache', { affinity: { podAffinity: near('web') }, nodeSelector: { [ZONE]: 'b' } }));
    await w.settle();
    assert.match((await whyNot(w, 'plain')) ?? '', /3 node\(s\) didn't satisfy existing pods anti-affinity rules/);
    assert.equal((await nodesOf(w))['cache'], 'node2');
    w.client.remove(Pod, { namespace: 'ns', name: 'w2' });
    await w.pass(1000);
    const after = await nodesOf(w);
    assert.ok(after['w4'] !== undefined || after['plain'] !== undefined);
    await w.stop();
  });

  it('lets the first of pods that want each other begin, and takes namespaces by their labels', async () => {
    const namespace: Namespace = {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'other', labels: { team: 'x' } },
    };
    const together = (name: string) => pod(name, { labels: { app: 'db' }, affinity: { podAffinity: near('db') } });
    const across = {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          {
            labelSelector: { matchLabels: { app: 'db' } },
            namespaceSelector: { matchLabels: { team: 'x' } },
            topologyKey: 'kubernetes.io/hostname',
          },
        ],
      },
    };
    const other = pod('o', { namespace: 'other', labels: { app: 'db' }, nodeName: 'node1' });
    const w = await world(
      [
        namespace,
        other,
        together('d1'),
        together('d2'),
        pod('far', { affinity: across }),
        node('node1'),
        node('node2'),
      ],
      schedulerController,
    );
    const { d1, d2, far } = await nodesOf(w);
    assert.ok(d1 !== undefined && d1 === d2);
    assert.equal(far, 'node2');
    await w.stop();
  });

  it('holds the skew that a constraint allows', async () => {
    const nodes = ['a', 'a', 'b'].map((zone, i) => node(`node${i + 1}`, { labels: { [ZONE]: zone } }));
    const spread = (name: string, whenUnsatisfiable = 'DoNotSchedule') =>
      pod(name, {
        labels: { app: 'web' },
        topologySpreadConstraints: [
          { maxSkew: 1, topologyKey: ZONE, whenUnsatisfiable, labelSelector: { matchLabels: { app: 'web' } } },
        ],
      });
    const w = await world([...nodes, spread('p1'), spread('p2'), spread('p3'), spread('p4')], schedulerController);
    const zones = Object.values(await nodesOf(w)).map((name) => (name === 'node3' ? 'b' : 'a'));
    assert.deepEqual(zones.sort(), ['a', 'a', 'b', 'b']);
    w.client.seed(node('node3', { cordoned: true, labels: { [ZONE]: 'b' } }));
    await w.settle();
    // Zone a may have one more than b, whose node takes nothing now; the second would be too many.
    w.client.seed(spread('p5'));
    await w.settle();
    w.client.seed(spread('p6'));
    w.client.seed(spread('any', 'ScheduleAnyway'));
    await w.settle();
    const { p5, p6, any } = await nodesOf(w);
    assert.ok(p5?.match(/node[12]/) && any?.match(/node[12]/));
    assert.equal(p6, undefined);
    assert.equal(
      await whyNot(w, 'p6'),
      "Unschedulable: 0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't match pod topology spread constraints.",
    );
    await w.stop();
  });

  it('refuses to look at more terms than would be fair to others', async () => {
    const many = Array.from(
      { length: 65 },
      () => near('web').requiredDuringSchedulingIgnoredDuringExecution[0] ?? assert.fail(),
    );
    const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: many } };
    const w = await world([pod('a', { affinity }), node('node1')], schedulerController);
    assert.match((await whyNot(w, 'a')) ?? '', /^Unschedulable: the pod has 65 terms .* at most 64 are looked at$/);
    await w.stop();
  });

  it('begins again from what the API says', async () => {
    const bound = pod('a', { nodeName: 'node1', requests: { cpu: '3' } });
    const w = await world(
      [bound, pod('b', { requests: { cpu: '3' } }), node('node1'), node('node2')],
      schedulerController,
    );
    assert.deepEqual(await nodesOf(w), { a: 'node1', b: 'node2' });
    w.client.seed({ ...bound, status: { phase: 'Succeeded' } });
    w.client.seed(pod('c', { requests: { cpu: '2' } }));
    await w.settle();
    assert.equal((await nodesOf(w))['c'], 'node1');
    assert.equal(keyOf(bound).name, 'a');
    await w.stop();
  });

  it('places a thousand pods on a hundred nodes within seconds', async () => {
    const nodes = Array.from({ length: 100 }, (_, i) => node(`node${i}`, { labels: { [ZONE]: `z${i % 3}` } }));
    const pods = Array.from({ length: 1000 }, (_, i) =>
      pod(`p${i}`, {
        owner: `rs${i % 10}`,
        labels: { app: `a${i % 10}` },
        requests: { cpu: '100m' },
        affinity: {
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              {
                weight: 1,
                podAffinityTerm: { labelSelector: { matchLabels: { app: `a${i % 10}` } }, topologyKey: ZONE },
              },
            ],
          },
        },
      }),
    );
    const started = processorTime();
    const w = await world([...nodes, ...pods], schedulerController);
    for (let turn = 0; turn < 200; turn++) await w.settle();
    const spent = processorTime() - started;
    const counts = new Map<string | undefined, number>();
    for (const name of Object.values(await nodesOf(w))) counts.set(name, (counts.get(name) ?? 0) + 1);
    assert.deepEqual([...new Set(counts.values())], [10]);
    assert.ok(spent < 8000, `it took ${Math.round(spent)} ms`);
    await w.stop();
  });
});
