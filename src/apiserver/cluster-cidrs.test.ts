import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { mustParseCIDR } from '../lib/ip.ts';
import { openMemoryStore } from '../store/memory/memory-store.ts';
import type { Store } from '../store/store.ts';
import { ClusterCIDRMismatchError, claimClusterCIDRs } from './cluster-cidrs.ts';

const claim = (store: Store, ...cidrs: readonly string[]) => claimClusterCIDRs(store, cidrs.map(mustParseCIDR));

describe('servers on one store', () => {
  it('are let in with the prefixes of pods that the first one had, also when two are the first', async () => {
    const store = openMemoryStore();
    const both = ['10.244.0.0/16', 'fd00:10:244::/48'];
    await Promise.all([claim(store, ...both), claim(store, ...both)]);
    await claim(store, ...both);
    await store.close();
  });

  it('are not let in with other ones, and told which there are and what to do', async () => {
    const store = openMemoryStore();
    await claim(store, '10.244.0.0/16');
    for (const other of [['10.32.0.0/12'], ['fd00:10:244::/48', '10.244.0.0/16']]) {
      await assert.rejects(claim(store, ...other), (error: Error) => {
        assert.ok(error instanceof ClusterCIDRMismatchError);
        assert.match(
          error.message,
          /from 10\.244\.0\.0\/16, and this server .* start it with --cluster-cidr 10\.244\.0\.0\/16/,
        );
        assert.ok(error.message.includes(other.join(',')));
        return true;
      });
    }
    await claim(store, '10.244.0.0/16');
    await store.close();
  });

  it('may add the second family, which those after them have to have', async () => {
    const store = openMemoryStore();
    await claim(store, '10.244.0.0/16');
    await claim(store, '10.244.0.0/16', 'fd00:10:244::/48');
    await assert.rejects(
      claim(store, '10.244.0.0/16'),
      /start it with --cluster-cidr 10\.244\.0\.0\/16,fd00:10:244::\/48/,
    );
    await store.close();
  });

  it('that start at the same time with different ones do not both get in', async () => {
    const store = openMemoryStore();
    const results = await Promise.allSettled([claim(store, '10.244.0.0/16'), claim(store, '10.32.0.0/12')]);
    assert.deepEqual(results.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    await store.close();
  });
});
