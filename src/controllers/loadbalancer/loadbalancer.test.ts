import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Service } from '../../api/core/v1/service.ts';
import { findCondition } from '../../api/meta/conditions.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { type World, world } from '../testing.ts';
import { loadBalancerController } from './loadbalancer.ts';
import { ADDRESS_ALLOCATED } from './status.ts';

function pool(addresses: string[]): IPAddressPool {
  return {
    apiVersion: 'metallb.io/v1beta1',
    kind: 'IPAddressPool',
    metadata: { name: 'pool', namespace: 'metallb-system' },
    spec: { addresses },
  };
}

function service(name: string, spec: Partial<NonNullable<Service['spec']>> = {}): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'ns' },
    spec: { type: 'LoadBalancer', ipFamilies: ['IPv4'], ports: [{ port: 80 }], ...spec },
  };
}

async function addresses(w: World): Promise<Record<string, string>> {
  const entries = (await w.all(Service)).map((each) => {
    return [each.metadata.name, (each.status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip).join(' ')];
  });
  return Object.fromEntries(entries);
}

describe('the load balancer controller', () => {
  it('gives each Service its own address of each family, and says so', async () => {
    const dual = { ipFamilies: ['IPv4', 'IPv6'] as const };
    const objects = [pool(['192.0.2.0/28', '2001:db8::/124']), service('a', dual), service('b')];
    const w = await world(objects, loadBalancerController);
    assert.deepEqual(await addresses(w), { a: '192.0.2.0 2001:db8::', b: '192.0.2.1' });
    const a = await w.find(Service, { namespace: 'ns', name: 'a' });
    assert.equal(a?.status?.loadBalancer?.ingress?.[0]?.ipMode, 'VIP');
    assert.deepEqual(await w.events(service('a')), ['IPAllocated: Assigned IP 192.0.2.0, 2001:db8::']);
    await w.pass(1000);
    const counted = await w.find(IPAddressPool, { namespace: 'metallb-system', name: 'pool' });
    assert.deepEqual(counted?.status, { assignedIPv4: 2, assignedIPv6: 1, availableIPv4: 14, availableIPv6: 15 });
    await w.stop();
  });

  it('gives the same addresses after a restart', async () => {
    const before = await world([pool(['192.0.2.0/28']), service('b'), service('a')], loadBalancerController);
    before.client.remove(Service, { namespace: 'ns', name: 'a' });
    await before.settle();
    const kept = await before.all(Service);
    const earlier = await addresses(before);
    await before.stop();
    const after = await world([service('a0'), ...kept, pool(['192.0.2.0/28'])], loadBalancerController);
    assert.equal((await addresses(after))['b'], earlier['b']);
    assert.notEqual((await addresses(after))['a0'], earlier['b']);
    assert.ok(after.client.writes.every(({ key }) => key !== 'ns/b'));
    await after.stop();
  });

  it('says why a Service has none, and gives it one when another is freed', async () => {
    for (const free of ['delete', 'change type'] as const) {
      const w = await world([pool(['192.0.2.1/32']), service('a'), service('b')], loadBalancerController);
      assert.deepEqual(await addresses(w), { a: '192.0.2.1', b: '' });
      const b = await w.find(Service, { namespace: 'ns', name: 'b' });
      const condition = findCondition(b?.status?.conditions, ADDRESS_ALLOCATED);
      assert.deepEqual([condition?.status, condition?.reason], ['False', 'AllocationFailed']);
      assert.match(condition?.message ?? '', /pool "pool": all of its 1 IPv4 addresses are in use/);
      assert.equal((await w.events(service('b'))).length, 1);
      const a = await w.find(Service, { namespace: 'ns', name: 'a' });
      if (free === 'delete') w.client.remove(Service, { namespace: 'ns', name: 'a' });
      else w.client.seed({ ...service('a', { type: 'ClusterIP' }), status: a?.status } as Service);
      await w.settle();
      assert.equal((await addresses(w))['b'], '192.0.2.1');
      assert.ok(!(await addresses(w))['a'], 'nothing of it is left in the status of one that changed its type');
      await w.stop();
    }
  });

  it('serves waiting Services as soon as there is a pool', async () => {
    const w = await world([service('a')], loadBalancerController);
    assert.deepEqual(await addresses(w), { a: '' });
    w.client.seed(pool(['192.0.2.1/32']));
    await w.settle();
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    await w.stop();
  });

  it('leaves Services of other classes and types alone', async () => {
    const foreign = {
      ...service('a', { loadBalancerClass: 'example.org/other' }),
      status: { loadBalancer: { ingress: [{ ip: '198.51.100.1' }] } },
    };
    const w = await world(
      [pool(['192.0.2.1/32']), foreign, service('b', { type: 'NodePort' })],
      loadBalancerController,
    );
    assert.deepEqual(await addresses(w), { a: '198.51.100.1', b: '' });
    assert.ok(w.client.writes.every(({ kind }) => kind !== 'Service'));
    await w.stop();
  });

  it('never gives an address twice, whatever comes and goes', async () => {
    const w = await world([pool(['192.0.2.0/30'])], loadBalancerController);
    let state = 7;
    const random = (n: number) => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * n);
    };
    for (let step = 0; step < 150; step++) {
      const name = `s${random(7)}`;
      const exists = await w.find(Service, { namespace: 'ns', name });
      if (exists === undefined) w.client.seed(service(name));
      else if (random(3) === 0)
        w.client.seed({ ...exists, metadata: { ...exists.metadata, labels: { step: String(step) } } });
      else w.client.remove(Service, { namespace: 'ns', name });
      if (random(2) === 0) await w.settle();
      const given = Object.values(await addresses(w)).filter(Boolean);
      assert.equal(new Set(given).size, given.length, `step ${step}: ${given}`);
    }
    await w.settle();
    const all = Object.values(await addresses(w));
    assert.equal(all.filter(Boolean).length, Math.min(4, all.length), 'whoever can have one has one');
    await w.stop();
  });
});
