import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Service } from '../../api/core/v1/service.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { conflict, failure } from '../../api/status.ts';
import { FakeClient } from '../../client/fake.ts';
import { world } from '../testing.ts';
import { loadBalancerController } from './loadbalancer.ts';
import { addresses, condition, edit, get, POOL, pool, service, start } from './testing.ts';

const dual = { ipFamilies: ['IPv4', 'IPv6'] } as const;

describe('the load balancer controller', () => {
  it('gives each Service its own address of each family, and says so', async () => {
    const w = await start(pool('pool', ['192.0.2.0/28', '2001:db8::/124']), service('a', { spec: dual }), service('b'));
    assert.deepEqual(await addresses(w), { a: '192.0.2.0 2001:db8::', b: '192.0.2.1' });
    const a = await get(w, 'a');
    assert.equal(a.status?.loadBalancer?.ingress?.[0]?.ipMode, 'VIP');
    assert.equal(a.metadata.annotations?.['metallb.io/ip-allocated-from-pool'], 'pool');
    assert.deepEqual(await w.events(service('a')), ['IPAllocated: Assigned IP ["192.0.2.0" "2001:db8::"]']);
    await w.pass(1000);
    const counted = await w.find(IPAddressPool, POOL);
    assert.deepEqual(counted?.status, { assignedIPv4: 2, assignedIPv6: 1, availableIPv4: 14, availableIPv6: 15 });
    await w.stop();
  });

  it('gives the same addresses after a restart', async () => {
    const before = await start(pool('pool', ['192.0.2.0/28']), service('b'), service('a'));
    before.client.remove(Service, { namespace: 'ns', name: 'a' });
    await before.settle();
    const kept = await before.all(Service);
    const earlier = await addresses(before);
    await before.stop();
    const after = await start(service('a0'), ...kept, pool('pool', ['192.0.2.0/28']));
    assert.equal((await addresses(after))['b'], earlier['b']);
    assert.notEqual((await addresses(after))['a0'], earlier['b']);
    assert.ok(after.client.writes.every(({ key }) => key !== 'ns/b'));
    await after.stop();
  });

  it('serves the older first, as if it had been there when they came', async () => {
    const made = (day: number) => `2026-01-0${day}T00:00:00Z`;
    const services = [
      service('a', { created: made(3) }),
      service('b', { created: made(1) }),
      service('c', { created: made(2) }),
    ];
    const w = await start(...services, pool('pool', ['192.0.2.1-192.0.2.2']));
    assert.deepEqual(await addresses(w), { a: '', b: '192.0.2.1', c: '192.0.2.2' });
    await w.stop();
  });

  it('leaves an address that two have to the older, and gives the other another', async () => {
    const has = ['192.0.2.5'];
    const younger = service('a', { has, created: '2026-01-02T00:00:00Z' });
    const older = service('b', { has, created: '2026-01-01T00:00:00Z' });
    const w = await start(younger, older, pool('pool', ['192.0.2.1-192.0.2.5']));
    assert.deepEqual(await addresses(w), { a: '192.0.2.1', b: '192.0.2.5' });
    const [cleared] = await w.events(younger);
    assert.match(
      cleared ?? '',
      /^ClearAssignment: current IP \["192\.0\.2\.5"\] is given up: .* belongs to Service ns\/b/,
    );
    await w.stop();
  });

  it('says why a Service has none, and gives it one when another is freed', async () => {
    for (const free of ['delete', 'change type', 'change class'] as const) {
      const w = await start(pool('pool', ['192.0.2.1/32']), service('a'), service('b'));
      assert.deepEqual(await addresses(w), { a: '192.0.2.1', b: '' });
      const why = 'no pool can give an address: pool "pool": all of its 1 IPv4 addresses are in use';
      assert.equal(await condition(w, 'b'), `False AllocationFailed: ${why}`);
      assert.deepEqual(await w.events(service('b')), [`AllocationFailed: Failed to allocate IP for "ns/b": ${why}`]);
      if (free === 'delete') w.client.remove(Service, { namespace: 'ns', name: 'a' });
      else
        await edit(w, 'a', free === 'change type' ? { type: 'ClusterIP' } : { loadBalancerClass: 'example.org/other' });
      await w.settle();
      assert.equal((await addresses(w))['b'], '192.0.2.1', free);
      if (free !== 'delete') {
        const a = await get(w, 'a');
        assert.deepEqual(
          [a.status?.loadBalancer, a.status?.conditions],
          [{}, undefined],
          'nothing of us is left in it',
        );
        assert.equal(a.metadata.annotations?.['metallb.io/ip-allocated-from-pool'], undefined);
      }
      await w.stop();
    }
  });

  it('serves waiting Services as soon as there is a pool', async () => {
    const w = await start(service('a'));
    assert.deepEqual(await addresses(w), { a: '' });
    w.client.seed(pool('pool', ['192.0.2.1/32']));
    await w.settle();
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    await w.stop();
  });

  it('gives a Service with ports of TCP and of UDP one address', async () => {
    const ports = [{ port: 53 }, { port: 53, protocol: 'UDP' as const }];
    const w = await start(pool('pool', ['192.0.2.1/32']), service('dns', { spec: { ports } }));
    assert.deepEqual(await addresses(w), { dns: '192.0.2.1' });
    await w.stop();
  });

  it('leaves Services of other classes and types alone', async () => {
    const foreign = service('a', { spec: { loadBalancerClass: 'example.org/other' }, has: ['198.51.100.1'] });
    const w = await start(pool('pool', ['192.0.2.1/32']), foreign, service('b', { spec: { type: 'NodePort' } }));
    assert.deepEqual(await addresses(w), { a: '198.51.100.1', b: '' });
    assert.ok(w.client.writes.every(({ kind }) => kind !== 'Service'));
    await w.stop();
  });

  it('serves the class that the MetalLB object names, and gives up others when it is named', async () => {
    const w = await start(
      pool('pool', ['192.0.2.1-192.0.2.9']),
      service('none'),
      service('metallb', { spec: { loadBalancerClass: 'metallb.io/metallb' } }),
      service('postern', { spec: { loadBalancerClass: 'postern.dev/load-balancer' } }),
    );
    assert.deepEqual(await addresses(w), { none: '192.0.2.1', metallb: '', postern: '192.0.2.2' });
    const metallb: MetalLB = {
      apiVersion: MetalLB.apiVersion,
      kind: 'MetalLB',
      metadata: { namespace: 'metallb-system', name: 'metallb' },
      spec: { loadBalancerClass: 'metallb.io/metallb' },
    };
    w.client.seed(metallb);
    await w.settle();
    const { none, metallb: named, postern } = await addresses(w);
    assert.deepEqual([none, postern], ['', '192.0.2.2']);
    assert.ok(named);
    assert.equal(
      (await w.events(service('none'))).at(-1),
      'ClearAssignment: current IP ["192.0.2.1"] is given up: its spec.loadBalancerClass and that of the MetalLB object differ, so that it is not ours to serve',
    );
    await w.stop();
  });

  it('follows a Service from one family to two and back, and keeps the first address', async () => {
    const w = await start(pool('pool', ['192.0.2.1-192.0.2.9', '2001:db8::1-2001:db8::9']), service('a'));
    await edit(w, 'a', { ...dual, ipFamilyPolicy: 'PreferDualStack' });
    assert.deepEqual(await addresses(w), { a: '192.0.2.1 2001:db8::1' });
    assert.equal((await w.events(service('a'))).at(-1), 'IPAllocated: Assigned additional IP ["2001:db8::1"]');
    await edit(w, 'a', { ...dual, ipFamilyPolicy: 'RequireDualStack' });
    await edit(w, 'a', { ipFamilies: ['IPv4'], ipFamilyPolicy: 'SingleStack' });
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    await w.pass(1000);
    assert.equal((await w.find(IPAddressPool, POOL))?.status?.assignedIPv6, 0);
    await w.stop();
  });

  it('says which family is missing, and gives it when the pool has it', async () => {
    const w = await start(
      pool('pool', ['192.0.2.1/32']),
      service('a', { spec: { ...dual, ipFamilyPolicy: 'PreferDualStack' } }),
    );
    assert.equal(
      await condition(w, 'a'),
      'True Allocated: from pool "pool"; one family only: it has no IPv6 addresses',
    );
    const why = 'AdditionalAssignFailed: cannot assign additional IP in PreferDualStack: it has no IPv6 addresses';
    assert.equal((await w.events(service('a'))).at(-1), why);
    w.client.seed(pool('pool', ['192.0.2.1/32', '2001:db8::1/128']));
    await w.settle();
    assert.deepEqual(await addresses(w), { a: '192.0.2.1 2001:db8::1' });
    await w.stop();
  });

  it('keeps what a Service has when it asks for nonsense, and says so', async () => {
    const w = await start(pool('pool', ['192.0.2.1-192.0.2.9']), service('a'));
    await edit(w, 'a', {}, { 'metallb.io/loadBalancerIPs': 'nonsense' });
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    const mistake = 'the requested address "nonsense" is not an IP address';
    assert.equal(await condition(w, 'a'), `True Allocated: from pool "pool"; ${mistake}`);
    const told = `LoadBalancerFailed: invalid requested loadbalancer IPs: ${mistake}`;
    assert.equal((await w.events(service('a'))).at(-1), told);
    await edit(w, 'a', {}, { 'metallb.io/loadBalancerIPs': '192.0.2.7' });
    assert.deepEqual(await addresses(w), { a: '192.0.2.7' });
    await w.stop();
  });

  it('does not fight over a Service that somebody else serves too, and tells of it', async () => {
    const w = await start(pool('pool', ['192.0.2.1/32']), service('a'));
    const own = w.client.writes.filter(({ kind }) => kind === 'Service').length;
    for (let second = 0; second < 60; second++) {
      const a = await get(w, 'a');
      w.client.seed({ ...a, status: { ...a.status, loadBalancer: { ingress: [{ ip: '10.9.9.9' }] } } });
      await w.settle();
      await w.pass(1000);
    }
    const { length } = w.client.writes.filter(({ kind }) => kind === 'Service');
    assert.ok(length - own > 2 && length - own < 8, `${length} writes`);
    const told = (await w.events(service('a'))).filter((text) => text.startsWith('Contested'));
    assert.deepEqual(told, [
      'Contested: somebody else writes the addresses of this Service, and gives it ["10.9.9.9"]: ' +
        'let one load balancer serve it: name its class in spec.loadBalancerClass',
    ]);
    await w.pass(60_000);
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    await w.stop();
  });

  it('tells of annotations that MetalLB has given up', async () => {
    const w = await start(
      pool('pool', ['192.0.2.1-192.0.2.9']),
      service('a', { annotations: { 'metallb.universe.tf/address-pool': 'pool' } }),
    );
    const told = 'deprecatedAnnotation: Service uses deprecated annotation metallb.universe.tf/address-pool';
    assert.equal((await w.events(service('a')))[0], told);
    await w.stop();
  });

  it('tries again what another writer came in between of, and gives it the same', async () => {
    const w = await start(service('a'), service('b'));
    let failed = 0;
    w.client.failWith((verb, kind, key) => {
      if (verb !== 'updateStatus' || key !== 'ns/a' || failed++ > 0) return undefined;
      return conflict(Service, kind, 'the object has been modified');
    });
    w.client.seed(pool('pool', ['192.0.2.1-192.0.2.9']));
    await w.settle();
    await w.pass(100);
    assert.deepEqual(await addresses(w), { a: '192.0.2.1', b: '192.0.2.2' });
    await w.stop();
  });

  it('works where the MetalLB object’s kind is not known', async () => {
    const objects = [pool('pool', ['192.0.2.1/32']), service('a')];
    const w = await world(objects, (parts) => {
      assert.ok(parts.client instanceof FakeClient);
      const absent = failure(404, 'NotFound', 'the server could not find the requested resource');
      parts.client.failWith((_verb, kind) => (kind === 'MetalLB' ? absent : undefined));
      return loadBalancerController(parts);
    });
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    await w.stop();
  });
});
