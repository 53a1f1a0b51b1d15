import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Node } from '../../api/core/v1/node.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { garbageCollector } from '../garbage-collection/garbage-collection.ts';
import { world } from '../testing.ts';
import { endpointSliceController } from './endpointslice.ts';

const service: Service = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'ns' },
  spec: {
    selector: { special: 'key', tier: 'front' },
    clusterIP: '10.96.0.10',
    clusterIPs: ['10.96.0.10', 'fd00:10:96::10'],
    ipFamilies: ['IPv4', 'IPv6'],
    ipFamilyPolicy: 'PreferDualStack',
    type: 'ClusterIP',
    ports: [{ port: 80, targetPort: 9376, protocol: 'TCP' }],
    sessionAffinity: 'None',
  },
};

const node: Node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'node1' } };

function pod(name: string, labels: Record<string, string>, ready = true): Pod {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'ns', labels },
    spec: { nodeName: 'node1', containers: [{ name: 'c', image: 'i' }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      podIPs: [{ ip: '10.244.0.2' }, { ip: 'fd00:10:244::2' }],
    },
  };
}

const both = { special: 'key', tier: 'front' };

/** `FAMILY address ready` of every endpoint. */
function told(slices: readonly EndpointSlice[]): string[] {
  return slices.flatMap(({ addressType, endpoints }) =>
    endpoints.map(
      ({ addresses, conditions }) => `${addressType} ${addresses[0]} ${conditions?.ready ? 'ready' : 'not ready'}`,
    ),
  );
}

describe('the EndpointSlice controller', () => {
  it('follows pods as they come, get ready, change labels and go', async () => {
    const w = await world([node, service], endpointSliceController);
    const see = async () => told(await w.all(EndpointSlice)).sort();
    assert.equal((await w.all(EndpointSlice)).length, 2, 'one empty slice per family');

    w.client.seed(pod('a', both, false));
    await w.settle();
    assert.deepEqual(await see(), ['IPv4 10.244.0.2 not ready', 'IPv6 fd00:10:244::2 not ready']);

    w.client.seed(pod('a', both));
    await w.settle();
    assert.deepEqual(await see(), ['IPv4 10.244.0.2 ready', 'IPv6 fd00:10:244::2 ready']);

    w.client.seed(pod('a', { special: 'key' }));
    await w.settle();
    assert.deepEqual(await see(), []);

    w.client.seed(pod('a', both));
    await w.settle();
    w.client.remove(Pod, { namespace: 'ns', name: 'a' });
    await w.settle();
    assert.deepEqual(await see(), []);
    assert.equal((await w.all(EndpointSlice)).length, 2);
    await w.stop();
  });

  it('writes once per family for a change, and nothing when nothing changes', async () => {
    const w = await world([node, service, pod('a', both)], endpointSliceController);
    assert.deepEqual(
      w.client.writes.map(({ verb }) => verb),
      ['create', 'create'],
    );
    w.client.seed({ ...pod('a', both), metadata: { ...pod('a', both).metadata, annotations: { some: 'note' } } });
    w.client.seed(pod('other', { special: 'other' }));
    await w.settle();
    assert.equal(w.client.writes.length, 2);
    await w.stop();
  });

  it('repairs slices that somebody changed or deleted', async () => {
    const w = await world([node, service, pod('a', both)], endpointSliceController);
    const [slice, other] = await w.all(EndpointSlice);
    assert.ok(slice && other);
    w.client.seed({ ...slice, endpoints: [] });
    w.client.remove(EndpointSlice, { namespace: 'ns', name: other.metadata.name ?? '' });
    await w.settle();
    assert.equal(told(await w.all(EndpointSlice)).length, 2);
    await w.stop();
  });

  it('replaces a slice that somebody took the label of its Service from', async () => {
    const w = await world([node, service, pod('a', both)], endpointSliceController);
    const [slice] = await w.all(EndpointSlice);
    assert.ok(slice);
    const { 'kubernetes.io/service-name': _, ...labels } = slice.metadata.labels ?? {};
    w.client.seed({ ...slice, metadata: { ...slice.metadata, labels } });
    await w.settle();
    const labelled = (await w.all(EndpointSlice)).filter(
      ({ metadata }) => metadata.labels?.['kubernetes.io/service-name'],
    );
    assert.deepEqual(told(labelled).sort(), ['IPv4 10.244.0.2 ready', 'IPv6 fd00:10:244::2 ready']);
    await w.stop();
  });

  it('keeps the slices of a Service that loses its selector as they are', async () => {
    const w = await world([node, service, pod('a', both)], endpointSliceController);
    const { selector: _, ...spec } = service.spec ?? {};
    w.client.seed({ ...service, spec });
    w.client.remove(Pod, { namespace: 'ns', name: 'a' });
    await w.settle();
    assert.deepEqual(told(await w.all(EndpointSlice)).sort(), ['IPv4 10.244.0.2 ready', 'IPv6 fd00:10:244::2 ready']);
    await w.stop();
  });

  it('follows the zone of a node, and its coming and going', async () => {
    const w = await world([service, pod('a', both)], endpointSliceController);
    assert.deepEqual(told(await w.all(EndpointSlice)), []);
    w.client.seed({ ...node, metadata: { name: 'node1', labels: { 'topology.kubernetes.io/zone': 'west' } } });
    await w.settle();
    const zones = (await w.all(EndpointSlice)).flatMap(({ endpoints }) => endpoints.map(({ zone }) => zone));
    assert.deepEqual(zones, ['west', 'west']);
    await w.stop();
  });

  it('removes its slices with the Service, and leaves those of others alone', async () => {
    const foreign: EndpointSlice = {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name: 'mine', namespace: 'ns', labels: { 'kubernetes.io/service-name': 'web' } },
      addressType: 'IPv4',
      endpoints: [],
      ports: [],
    };
    const w = await world([node, service, pod('a', both), foreign], endpointSliceController, garbageCollector);
    w.client.remove(Service, { namespace: 'ns', name: 'web' });
    await w.settle();
    assert.deepEqual(
      (await w.all(EndpointSlice)).map(({ metadata }) => metadata.name),
      ['mine'],
    );
    await w.stop();
  });
});
