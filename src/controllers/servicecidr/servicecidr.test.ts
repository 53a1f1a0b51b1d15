import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Service } from '../../api/core/v1/service.ts';
import type { KubeObject } from '../../api/meta/v1.ts';
import { IPAddress } from '../../api/networking/v1/ipaddress.ts';
import { SERVICE_CIDR_FINALIZER, ServiceCIDR } from '../../api/networking/v1/servicecidr.ts';
import { type World, world } from '../testing.ts';
import { dependents } from './desired.ts';
import { serviceCIDRController } from './servicecidr.ts';

const range = (name: string, ...cidrs: string[]): ServiceCIDR => ({
  apiVersion: ServiceCIDR.apiVersion,
  kind: ServiceCIDR.kind,
  metadata: { name, finalizers: [SERVICE_CIDR_FINALIZER] },
  spec: { cidrs },
});
const address = (name: string, labels = { 'ipaddress.kubernetes.io/managed-by': 'ipallocator.k8s.io' }): IPAddress => ({
  apiVersion: IPAddress.apiVersion,
  kind: IPAddress.kind,
  metadata: { name, labels },
  spec: { parentRef: { resource: 'services', namespace: 'n', name: 'web' } },
});
const service: Service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'web', namespace: 'n' }, spec: {} };

const start = (...objects: KubeObject[]): Promise<World> => world(objects, serviceCIDRController);
const readyOf = async (w: World, name: string) => {
  const found = await w.find(ServiceCIDR, { name });
  const condition = found?.status?.conditions?.find(({ type }) => type === 'Ready');
  return found && `${condition?.status} ${condition?.reason ?? ''} ${condition?.message}`;
};

test('says of a range that it is ready, and guards it against going while it is in use', async () => {
  const w = await start({ ...range('a', '10.1.0.0/24'), metadata: { name: 'a' } });
  assert.equal(await readyOf(w, 'a'), 'True  Kubernetes Service CIDR is ready');
  assert.deepEqual((await w.find(ServiceCIDR, { name: 'a' }))?.metadata.finalizers, [SERVICE_CIDR_FINALIZER]);
  await w.stop();
});

test('keeps a deleted range until its last address is given back, and says which there are', async () => {
  const w = await start(range('a', '10.1.0.0/24'), address('10.1.0.5'), service);
  await w.client.delete(ServiceCIDR, { name: 'a' });
  await w.settle();
  assert.equal(
    await readyOf(w, 'a'),
    'False Terminating There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR: 10.1.0.5 (services/n/web)',
  );
  w.client.remove(IPAddress, { name: '10.1.0.5' });
  w.client.remove(Service, { namespace: 'n', name: 'web' });
  await w.pass(1000);
  assert.equal(await w.find(ServiceCIDR, { name: 'a' }), undefined);
  await w.stop();
});

test('lets a range go once another takes over its addresses', async () => {
  const w = await start(range('a', '10.1.0.0/24'), address('10.1.0.5'));
  await w.client.delete(ServiceCIDR, { name: 'a' });
  await w.settle();
  assert.ok(await w.find(ServiceCIDR, { name: 'a' }));
  await w.client.create(ServiceCIDR, range('b', '10.1.0.0/16'));
  await w.pass(1000);
  assert.equal(await w.find(ServiceCIDR, { name: 'a' }), undefined);
  await w.stop();
});

test('is not kept by addresses that were reserved by hand', async () => {
  const w = await start(range('a', '10.1.0.0/24'), { ...address('10.1.0.5'), metadata: { name: '10.1.0.5' } });
  await w.client.delete(ServiceCIDR, { name: 'a' });
  await w.settle();
  assert.equal(await w.find(ServiceCIDR, { name: 'a' }), undefined);
  await w.stop();
});

test('only addresses that no other range has depend on one, and a range that goes too is no other', () => {
  const a = range('a', '10.1.0.0/24', 'fd00::/120');
  const gone = { ...range('c', '10.0.0.0/8'), metadata: { name: 'c', deletionTimestamp: '2026-01-01T00:00:00Z' } };
  const addresses = ['10.1.0.5', '10.1.0.200', '10.2.0.1', 'fd00::7'].map((name) => address(name));
  const found = dependents(a, [a, range('b', '10.1.0.128/25'), gone], addresses);
  assert.deepEqual(
    found.map(({ metadata }) => metadata.name),
    ['10.1.0.5', 'fd00::7'],
  );
});
