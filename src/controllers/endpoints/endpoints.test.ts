import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Endpoints } from '../../api/core/v1/endpoints.ts';
import { Pod } from '../../api/core/v1/pod.ts';
import { Service } from '../../api/core/v1/service.ts';
import { world } from '../testing.ts';
import { CAPACITY, desiredEndpoints } from './desired.ts';
import { endpointsController } from './endpoints.ts';
import { truncate } from './truncate.ts';

const service = (spec: Partial<NonNullable<Service['spec']>> = {}): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', namespace: 'ns', labels: { team: 'a' } },
  spec: {
    selector: { app: 'web' },
    clusterIP: '10.96.0.9',
    ipFamilies: ['IPv4', 'IPv6'],
    ports: [{ port: 80 }],
    ...spec,
  },
});

function pod(number: number, { ready = true, deleting = false } = {}): Pod {
  const name = `p${number}`;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'ns',
      uid: name,
      labels: { app: 'web' },
      ...(deleting ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: { nodeName: 'node1', hostname: name, subdomain: 'web', containers: [{ name: 'c' }] },
    status: {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
      podIPs: [{ ip: `10.244.${number >> 8}.${number & 255}` }, { ip: `fd00::${number}` }],
    },
  };
}

describe('the Endpoints of a Service', () => {
  it('have its first family, who is ready and who is not, and no pod that is ending', () => {
    const pods = [pod(1), pod(2, { ready: false }), pod(3, { deleting: true })];
    const ref = (name: string) => ({ kind: 'Pod', namespace: 'ns', name, uid: name });
    const address = (n: number) => ({
      ip: `10.244.0.${n}`,
      hostname: `p${n}`,
      nodeName: 'node1',
      targetRef: ref(`p${n}`),
    });
    assert.deepEqual(desiredEndpoints(service(), pods), {
      labels: { team: 'a', 'endpoints.kubernetes.io/managed-by': 'endpoint-controller' },
      subsets: [{ addresses: [address(1)], notReadyAddresses: [address(2)], ports: [{ port: 80, protocol: 'TCP' }] }],
      overCapacity: false,
    });
  });

  it('have everyone as ready, the ending ones too, with publishNotReadyAddresses', () => {
    const pods = [pod(2, { ready: false }), pod(3, { deleting: true })];
    const [subset] = desiredEndpoints(service({ publishNotReadyAddresses: true }), pods).subsets;
    assert.deepEqual([subset?.addresses?.length, subset?.notReadyAddresses], [2, undefined]);
  });

  it('have addresses without ports for a headless Service without ports, and none for another', () => {
    const ips = (clusterIP: string) =>
      desiredEndpoints(service({ clusterIP, ports: [] }), [pod(1)]).subsets.map(({ addresses }) => addresses?.[0]?.ip);
    assert.deepEqual(ips('None'), ['10.244.0.1']);
    assert.deepEqual(ips('10.96.0.9'), []);
  });

  it(`have at most ${CAPACITY} addresses, ready ones rather than others, and say so`, () => {
    const pods = Array.from({ length: CAPACITY + 10 }, (_, i) => pod(i, { ready: i >= 20 }));
    const { subsets, overCapacity } = desiredEndpoints(service(), pods);
    assert.deepEqual([subsets[0]?.addresses?.length, subsets[0]?.notReadyAddresses?.length], [CAPACITY - 10, 10]);
    assert.equal(overCapacity, true);
  });

  it('keep of each subset its share', () => {
    const addresses = (count: number) => Array.from({ length: count }, (_, i) => ({ ip: `10.0.0.${i}` }));
    const cut = truncate([{ addresses: addresses(30) }, { addresses: addresses(10) }], 20);
    assert.deepEqual(
      cut.map((subset) => subset.addresses?.length),
      [15, 5],
    );
  });
});

describe('the Endpoints controller', () => {
  const key = { namespace: 'ns', name: 'web' };
  const ips = (endpoints: Endpoints | undefined) => endpoints?.subsets?.[0]?.addresses?.map(({ ip }) => ip);

  it('follows pods half a second late, so that many changes are one write', async () => {
    const w = await world([service(), pod(1)], endpointsController);
    assert.deepEqual(ips(await w.find(Endpoints, key)), ['10.244.0.1']);
    for (const n of [2, 3, 4]) w.client.seed(pod(n));
    await w.settle();
    assert.equal(w.client.writes.length, 1);
    await w.pass(500);
    assert.deepEqual(ips(await w.find(Endpoints, key)), ['10.244.0.1', '10.244.0.2', '10.244.0.3', '10.244.0.4']);
    assert.equal(w.client.writes.length, 2);
    await w.stop();
  });

  it('repairs what somebody changed, and leaves annotations of others', async () => {
    const w = await world([service(), pod(1)], endpointsController);
    const made = await w.find(Endpoints, key);
    assert.ok(made);
    w.client.seed({ ...made, metadata: { ...made.metadata, annotations: { note: 'mine' } }, subsets: [] });
    await w.settle();
    const repaired = await w.find(Endpoints, key);
    assert.deepEqual(ips(repaired), ['10.244.0.1']);
    assert.deepEqual(repaired?.metadata.annotations, { note: 'mine' });
    await w.stop();
  });

  it('removes its Endpoints with the Service, and leaves those of others alone', async () => {
    const foreign = (name: string): Endpoints => ({
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name, namespace: 'ns' },
    });
    const w = await world([service(), pod(1), foreign('lonely')], endpointsController);
    w.client.remove(Service, key);
    await w.settle();
    assert.deepEqual(
      (await w.all(Endpoints)).map(({ metadata }) => metadata.name),
      ['lonely'],
    );
    await w.stop();
  });

  it('leaves the Endpoints of a Service without a selector to whoever writes them', async () => {
    const own: Endpoints = {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: key,
      subsets: [{ addresses: [{ ip: '192.0.2.1' }] }],
    };
    const w = await world([service({ selector: {} }), pod(1), own], endpointsController);
    w.client.remove(Pod, { namespace: 'ns', name: 'p1' });
    await w.settle();
    assert.deepEqual(w.client.writes, []);
    await w.stop();
  });
});
