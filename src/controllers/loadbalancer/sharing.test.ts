import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Service } from '../../api/core/v1/service.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { addresses, condition, edit, POOL, pool, service, sharing, start } from './testing.ts';

describe('Services that share an address', () => {
  const udp = { ports: [{ port: 80, protocol: 'UDP' }] } as const;

  it('have it together, and count once', async () => {
    const w = await start(
      pool('pool', ['192.0.2.1-192.0.2.4']),
      service('a', { annotations: sharing('k') }),
      service('b', { annotations: sharing('k'), spec: udp }),
    );
    assert.deepEqual(await addresses(w), { a: '192.0.2.1', b: '192.0.2.1' });
    await w.pass(1000);
    assert.equal((await w.find(IPAddressPool, POOL))?.status?.assignedIPv4, 1);
    w.client.remove(Service, { namespace: 'ns', name: 'a' });
    await w.pass(1000);
    assert.equal((await w.find(IPAddressPool, POOL))?.status?.assignedIPv4, 1, 'the other still has it');
    await w.stop();
  });

  it('part when one ceases to agree: it is the one that goes', async () => {
    const w = await start(
      pool('pool', ['192.0.2.1-192.0.2.4']),
      service('a', { annotations: sharing('k') }),
      service('b', { annotations: sharing('k'), spec: udp }),
    );
    await edit(w, 'a', { ports: [{ port: 80 }, { port: 80, protocol: 'UDP' }] });
    assert.deepEqual(await addresses(w), { a: '192.0.2.2', b: '192.0.2.1' });
    await w.stop();
  });

  it('are named alike to one that cannot have it, whoever of them changed last', async () => {
    const asks = { annotations: { 'metallb.io/loadBalancerIPs': '192.0.2.1' } };
    const w = await start(
      pool('pool', ['192.0.2.1-192.0.2.4']),
      service('a', { annotations: sharing('k') }),
      service('b', { annotations: sharing('k'), spec: udp }),
      service('c', asks),
    );
    const before = await condition(w, 'c');
    assert.match(before ?? '', /^False .* belongs to Service ns\/a/);
    await edit(w, 'a', { ports: [{ port: 81 }] });
    assert.equal(await condition(w, 'c'), before);
    assert.equal((await w.events(service('c'))).length, 1);
    await w.stop();
  });

  it('let another in when one gives up a port', async () => {
    const w = await start(
      pool('pool', ['192.0.2.1/32']),
      service('a', { annotations: sharing('k') }),
      service('b', { annotations: sharing('k') }),
    );
    assert.deepEqual(await addresses(w), { a: '192.0.2.1', b: '' });
    await edit(w, 'a', { ports: [{ port: 443 }] });
    assert.deepEqual(await addresses(w), { a: '192.0.2.1', b: '192.0.2.1' });
    await w.stop();
  });

  it('have it together after a restart', async () => {
    const has = ['192.0.2.1'];
    const w = await start(
      pool('pool', ['192.0.2.1/32']),
      service('a', { annotations: sharing('k'), has }),
      service('b', { annotations: sharing('k'), spec: udp, has }),
    );
    assert.deepEqual(await addresses(w), { a: '192.0.2.1', b: '192.0.2.1' });
    await w.stop();
  });
});
