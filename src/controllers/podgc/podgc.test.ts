import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { type World, world } from '../testing.ts';
import { podCollector } from './podgc.ts';

function pod(
  name: string,
  fields: { readonly phase?: string; readonly age?: number; readonly node?: string; readonly leaving?: number },
): Pod {
  const { phase = 'Running', age = 0, node, leaving } = fields;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: 'ns',
      name,
      uid: name,
      creationTimestamp: `2025-12-31T23:59:${59 - age}Z`,
      ...(leaving === undefined
        ? {}
        : {
            deletionTimestamp: '2026-01-01T00:00:30Z',
            deletionGracePeriodSeconds: leaving,
            finalizers: ['example.org/a'],
          }),
    },
    spec: { containers: [{ name: 'c', image: 'i' }], ...(node === undefined ? {} : { nodeName: node }) },
    status: { phase },
  };
}

function node(name: string, ready: string, taints: readonly string[] = []): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name },
    spec: { taints: taints.map((key) => ({ key, effect: 'NoExecute' })) },
    status: { conditions: [{ type: 'Ready', status: ready }] },
  };
}

const names = async (w: World) => (await w.all(Pod)).map(({ metadata }) => metadata.name);
/** Pods that were asked to go at once. */
const deleted = ({ client }: World) => client.writes.filter(({ verb }) => verb === 'delete').map(({ key }) => key);

describe('the pod collector', () => {
  it('keeps so many ended pods, and removes the oldest of the others', async () => {
    const ended = [3, 1, 2, 4].map((age) => pod(`p${age}`, { phase: age % 2 ? 'Failed' : 'Succeeded', age }));
    const w = await world([...ended, pod('old', { age: 9 })], (parts) => podCollector(parts, 2));
    assert.deepEqual(await names(w), ['old', 'p1', 'p2']);
    w.client.seed(pod('p0', { phase: 'Succeeded' }));
    await w.pass(20_000);
    assert.deepEqual(await names(w), ['old', 'p0', 'p1']);
    await w.stop();
  });

  it('ends pods that no node will end, and leaves those alone that one may', async () => {
    const out = 'node.kubernetes.io/out-of-service';
    const objects = [
      node('well', 'True'),
      node('silent', 'Unknown'),
      node('out', 'Unknown', [out]),
      node('back', 'True', [out]),
      pod('nowhere', { leaving: 30 }),
      pod('asked-already', { leaving: 0 }),
      pod('stays', {}),
      ...['well', 'silent', 'out', 'back'].map((name) => pod(`on-${name}`, { node: name, leaving: 30 })),
    ];
    const w = await world(objects, podCollector);
    assert.deepEqual(deleted(w).sort(), ['ns/nowhere', 'ns/on-out']);
    await w.stop();
  });
});
