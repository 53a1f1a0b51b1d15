import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Service } from '../../api/core/v1/service.ts';
import { mustParseIP, printIP } from '../../lib/ip.ts';
import { Claims } from './claims.ts';

function service(resourceVersion: number, ...ips: string[]): Service {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'a', namespace: 'ns', resourceVersion: String(resourceVersion) },
    spec: { type: 'LoadBalancer' },
    status: { loadBalancer: { ingress: ips.map((ip) => ({ ip })) } },
  };
}

const [old, next] = ['192.0.2.1', '192.0.2.2'] as const;
const of = (claims: Claims) => claims.of('ns/a').map(printIP);

describe('claims on addresses', () => {
  it('are not undone by what the informer tells late, during a write and after it', async () => {
    const claims = new Claims();
    claims.learn('ns/a', service(1, old));
    claims.set('ns/a', [old, next].map(mustParseIP));
    await claims.writing('ns/a', async () => {
      claims.learn('ns/a', service(2, old));
      assert.deepEqual(of(claims), [old, next]);
      return service(3, next);
    });
    claims.set('ns/a', [mustParseIP(next)]);
    claims.learn('ns/a', service(2, old));
    assert.deepEqual(of(claims), [next]);
    claims.learn('ns/a', service(4, old));
    assert.deepEqual(of(claims), [old], 'what is newer than our write counts');
  });

  it('stay while a status is empty only because the write has not come back', () => {
    const claims = new Claims();
    claims.set('ns/a', [mustParseIP(old)]);
    assert.equal(claims.learn('ns/a', service(1)), false);
    assert.deepEqual(of(claims), [old]);
  });

  it('end with the Service, and when it is no load balancer any more', () => {
    for (const end of [undefined, { ...service(2, old), spec: { type: 'ClusterIP' as const } }]) {
      const claims = new Claims();
      claims.learn('ns/a', service(1, old));
      assert.equal(claims.learn('ns/a', end), true);
      assert.equal(claims.owners.size, 0);
    }
  });

  it('of another Service are respected', () => {
    const claims = new Claims();
    claims.learn('ns/a', service(1, old));
    claims.set('ns/b', [old, next].map(mustParseIP));
    assert.deepEqual(
      [...claims.owners],
      [
        [old, 'ns/a'],
        [next, 'ns/b'],
      ],
    );
  });
});
