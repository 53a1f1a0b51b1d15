import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Endpoints } from '../../api/core/v1/endpoints.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { world } from '../testing.ts';
import { mirroredSlices } from './desired.ts';
import { endpointSliceMirroringController } from './endpointslicemirroring.ts';

const key = { namespace: 'ns', name: 'db' };
const service = (selector?: Record<string, string>): Service => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { ...key },
  spec: { ...(selector ? { selector } : {}), ports: [{ port: 5432 }] },
});
const endpoints = (metadata: Partial<Endpoints['metadata']> = {}, ip = '192.0.2.1'): Endpoints => ({
  apiVersion: 'v1',
  kind: 'Endpoints',
  metadata: { ...key, ...metadata },
  subsets: [
    { addresses: [{ ip }, { ip: 'fd00::1' }], notReadyAddresses: [{ ip: '192.0.2.9' }], ports: [{ port: 5432 }] },
  ],
});

/** `FAMILY address ready` of every endpoint. */
function told(slices: readonly EndpointSlice[]): string[] {
  return slices
    .flatMap((slice) =>
      slice.endpoints.map((each) => `${slice.addressType} ${each.addresses[0]} ${each.conditions?.ready}`),
    )
    .sort();
}

describe('slices made from Endpoints', () => {
  it('are one per family, with labels, annotations but those of the object itself, and an owner', () => {
    const annotations = { note: 'n', 'kubectl.kubernetes.io/last-applied-configuration': '{}' };
    const desired = mirroredSlices(endpoints({ uid: 'u', labels: { team: 'a' }, annotations }));
    assert.deepEqual(desired.labels, {
      team: 'a',
      'kubernetes.io/service-name': 'db',
      'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
    });
    assert.deepEqual(desired.annotations, { note: 'n' });
    assert.deepEqual([desired.owner.kind, desired.owner.name, desired.owner.uid], ['Endpoints', 'db', 'u']);
    assert.deepEqual(
      desired.groups.map(({ addressType, ports }) => [addressType, ports]),
      ['IPv4', 'IPv6'].map((family) => [family, [{ name: '', protocol: 'TCP', port: 5432 }]]),
    );
  });
});

describe('the mirroring controller', () => {
  it('follows hand-made Endpoints of a Service without a selector, to their end', async () => {
    const w = await world([service(), endpoints()], endpointSliceMirroringController);
    const see = async () => told(await w.all(EndpointSlice));
    assert.deepEqual(await see(), ['IPv4 192.0.2.1 true', 'IPv4 192.0.2.9 false', 'IPv6 fd00::1 true']);
    w.client.seed(endpoints({}, '192.0.2.2'));
    await w.settle();
    assert.deepEqual(await see(), ['IPv4 192.0.2.2 true', 'IPv4 192.0.2.9 false', 'IPv6 fd00::1 true']);
    w.client.remove(Endpoints, key);
    await w.settle();
    assert.deepEqual(await w.all(EndpointSlice), []);
    await w.stop();
  });

  const skipped: [string, Service | undefined, Endpoints][] = [
    ['of a Service with a selector', service({ app: 'db' }), endpoints()],
    ['without a Service', undefined, endpoints()],
    [
      'with the label skip-mirror',
      service(),
      endpoints({ labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } }),
    ],
    [
      'that are a lock for leadership',
      service(),
      endpoints({ annotations: { 'control-plane.alpha.kubernetes.io/leader': '{}' } }),
    ],
  ];
  for (const [name, of, source] of skipped) {
    it(`does not mirror Endpoints ${name}`, async () => {
      const w = await world([...(of ? [of] : []), source], endpointSliceMirroringController);
      assert.deepEqual(await w.all(EndpointSlice), []);
      await w.stop();
    });
  }

  it('begins when the Service comes, and ends when it gets a selector', async () => {
    const w = await world([endpoints()], endpointSliceMirroringController);
    w.client.seed(service());
    await w.settle();
    assert.equal((await w.all(EndpointSlice)).length, 2);
    const made = await w.find(Service, key);
    w.client.seed({ ...service({ app: 'db' }), metadata: made?.metadata ?? key });
    await w.settle();
    assert.deepEqual(await w.all(EndpointSlice), []);
    await w.stop();
  });
});
