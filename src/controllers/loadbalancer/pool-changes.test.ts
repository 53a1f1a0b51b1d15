import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Namespace } from '../../api/core/v1/namespace.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { failure } from '../../api/status.ts';
import { addresses, condition, edit, get, POOL, pool, service, start } from './testing.ts';

describe('a change of pools', () => {
  it('moves Services that no longer fit, and tells them so', async () => {
    const w = await start(pool('pool', ['192.0.2.1-192.0.2.4']), service('a'), service('b'));
    w.client.seed(pool('pool', ['192.0.2.2-192.0.2.4']));
    await w.settle();
    await w.pass(1000);
    assert.deepEqual(await addresses(w), { a: '192.0.2.3', b: '192.0.2.2' });
    assert.deepEqual((await w.events(service('a'))).slice(1), [
      'ClearAssignment: current IP ["192.0.2.1"] is given up: no pool has it',
      'IPAllocated: Assigned IP ["192.0.2.3"]',
    ]);
    assert.equal((await w.events(service('b'))).length, 1);
    await w.stop();
  });

  it('that avoids addresses moves who has one of them, and one that is no longer given out by itself moves nobody', async () => {
    const w = await start(pool('pool', ['192.0.2.0/29']), service('a'), service('b'));
    w.client.seed(pool('pool', ['192.0.2.0/29'], { avoidBuggyIPs: true, autoAssign: false }));
    w.client.seed(pool('other', ['198.51.100.1/32']));
    await w.settle();
    await w.pass(1000);
    assert.deepEqual(await addresses(w), { a: '198.51.100.1', b: '192.0.2.1' });
    await w.stop();
  });

  it('takes addresses away with the pool, and gives them back with it', async () => {
    const w = await start(pool('pool', ['192.0.2.1-192.0.2.4']), service('a'), service('b'));
    await edit(w, 'a', {}, { 'metallb.io/loadBalancerIPs': '192.0.2.3' });
    await edit(w, 'a', {}, { 'metallb.io/loadBalancerIPs': '' });
    w.client.remove(IPAddressPool, POOL);
    await w.settle();
    await w.pass(1000);
    assert.deepEqual(await addresses(w), { a: '', b: '' });
    assert.match((await condition(w, 'a')) ?? '', /^False AllocationFailed: there is no IPAddressPool/);
    w.client.seed(pool('again', ['192.0.2.0/29']));
    await w.settle();
    assert.deepEqual(await addresses(w), { a: '192.0.2.3', b: '192.0.2.2' });
    const { annotations = {} } = (await get(w, 'a')).metadata;
    assert.equal(annotations['metallb.io/ip-allocated-from-pool'], 'again');
    assert.equal(annotations['postern.dev/former-load-balancer-ips'], undefined);
    await w.stop();
  });

  it('takes nothing away when a pool is given another name', async () => {
    const w = await start(pool('pool', ['192.0.2.1-192.0.2.4']), service('a'));
    w.client.remove(IPAddressPool, POOL);
    await w.settle();
    w.client.seed(pool('renamed', ['192.0.2.0/29']));
    await w.settle();
    await w.pass(1000);
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    assert.equal((await get(w, 'a')).metadata.annotations?.['metallb.io/ip-allocated-from-pool'], 'renamed');
    assert.deepEqual(await w.events(service('a')), ['IPAllocated: Assigned IP ["192.0.2.1"]']);
    await w.stop();
  });

  it('counts in the pool that has them what was given out of another', async () => {
    const w = await start(pool('pool', ['192.0.2.1-192.0.2.4']), service('a'));
    w.client.remove(IPAddressPool, POOL);
    w.client.seed(pool('renamed', ['192.0.2.0/29']));
    await w.settle();
    await w.pass(1000);
    const { status } = (await w.find(IPAddressPool, { namespace: 'metallb-system', name: 'renamed' })) ?? {};
    assert.deepEqual([status?.assignedIPv4, status?.availableIPv4], [1, 7]);
    await w.stop();
  });

  it('that is for a Service no more moves it, by labels of either kind', async () => {
    const gold = { serviceAllocation: { serviceSelectors: [{ matchLabels: { tier: 'gold' } }] } };
    const prod = { serviceAllocation: { namespaceSelectors: [{ matchLabels: { env: 'prod' } }], priority: 1 } };
    const namespace = (env: string): Namespace => ({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'ns', labels: { env } },
    });
    const pools = [
      pool('gold', ['192.0.2.1/32'], gold),
      pool('prod', ['192.0.2.2/32'], prod),
      pool('rest', ['192.0.2.3/32']),
    ];
    const w = await start(...pools, namespace('test'), service('a', { labels: { tier: 'gold' } }));
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    w.client.seed(namespace('prod'));
    await w.settle();
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' }, 'what comes first only matters to those who have none');
    const a = await get(w, 'a');
    w.client.seed({ ...a, metadata: { ...a.metadata, labels: {} } });
    await w.settle();
    assert.deepEqual(await addresses(w), { a: '192.0.2.2' });
    w.client.seed(namespace('test'));
    await w.settle();
    assert.deepEqual(await addresses(w), { a: '192.0.2.3' });
    await w.stop();
  });

  it('tells of what it does not use, and uses the rest', async () => {
    const old = pool('old', ['192.0.2.0/30'], { created: '2026-01-01T00:00:00Z' });
    const young = pool('young', ['192.0.2.0/29', 'nonsense'], { created: '2026-01-02T00:00:00Z' });
    const w = await start(old, young, service('a', { annotations: { 'metallb.io/address-pool': 'young' } }));
    assert.deepEqual(await addresses(w), { a: '192.0.2.4' });
    const [told = '', ...more] = await w.events(young);
    assert.match(told, /^InvalidConfiguration: the entry "nonsense" .*; 192\.0\.2\.0\/29 overlaps .* pool "old"/);
    await w.pass(1000);
    assert.deepEqual([more, (await w.events(young)).length], [[], 1], 'once');
    const { status } = (await w.find(IPAddressPool, { namespace: 'metallb-system', name: 'young' })) ?? {};
    assert.deepEqual([status?.assignedIPv4, status?.availableIPv4], [1, 3]);
    await w.stop();
  });

  it('by another who counts otherwise is set right after a while, and not fought over', async () => {
    const w = await start(pool('pool', ['192.0.2.1/32']), service('a'));
    await w.pass(1000);
    const found = await w.find(IPAddressPool, POOL);
    assert.ok(found);
    w.client.seed({ ...found, status: { assignedIPv4: 7 } });
    await w.settle();
    assert.equal((await w.find(IPAddressPool, POOL))?.status?.assignedIPv4, 7);
    await w.pass(10_000);
    assert.equal((await w.find(IPAddressPool, POOL))?.status?.assignedIPv4, 1);
    await w.stop();
  });

  it('is no trouble where the pools’ definition has no status', async () => {
    const w = await start(service('a'));
    w.client.failWith((verb, kind) => {
      return verb === 'updateStatus' && kind === 'IPAddressPool' ? failure(404, 'NotFound', 'no such') : undefined;
    });
    w.client.seed(pool('pool', ['192.0.2.1/32']));
    await w.pass(1000);
    assert.deepEqual(await addresses(w), { a: '192.0.2.1' });
    await w.stop();
  });
});
