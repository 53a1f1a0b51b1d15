import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Service } from '../../api/core/v1/service.ts';
import { mustParseIP, printIP } from '../../lib/ip.ts';
import { AddressBook } from './address-book.ts';
import { Claims } from './claims.ts';
import { addressRequest } from './request.ts';
import { service, sharing, type Wish } from './testing.ts';

const [old, next] = ['192.0.2.1', '192.0.2.2'] as const;

/** A Service as it is at a revision, with these addresses. */
function at(resourceVersion: number, has: readonly string[] = [], wish: Wish = {}): Service {
  const object = service('a', { ...wish, has });
  return { ...object, metadata: { ...object.metadata, resourceVersion: String(resourceVersion) } };
}

function setup() {
  const book = new AddressBook();
  const claims = new Claims(book);
  const own = addressRequest(service('a')).tenant;
  return {
    book,
    claims,
    set: (...addresses: string[]) => claims.set(own, addresses.map(mustParseIP)),
    held: () => claims.of('ns/a').map(printIP),
  };
}

describe('claims on addresses', () => {
  it('are not undone by what the informer tells late, during a write and after it', async () => {
    const { claims, set, held } = setup();
    claims.learn('ns/a', at(1, [old]));
    set(old, next);
    await claims.writing('ns/a', async () => {
      claims.learn('ns/a', at(2, [old]));
      assert.deepEqual(held(), [old, next]);
      return at(3, [next]);
    });
    set(next);
    claims.learn('ns/a', at(2, [old]));
    assert.deepEqual(held(), [next]);
    claims.learn('ns/a', at(4, [old]));
    assert.deepEqual(held(), [old], 'what is newer than our write counts');
  });

  it('stay while a status is empty only because the write has not come back', () => {
    const { claims, set, held } = setup();
    set(old);
    assert.equal(claims.learn('ns/a', at(1)), false);
    assert.deepEqual(held(), [old]);
  });

  it('end with the Service', () => {
    const { claims, book } = setup();
    claims.learn('ns/a', at(1, [old]));
    assert.equal(claims.learn('ns/a', undefined), true);
    assert.deepEqual(book.tenantsOf(mustParseIP(old)), []);
  });

  it('of another Service are respected', () => {
    const { claims, set, held } = setup();
    claims.learn('ns/b', service('b', { has: [old] }));
    set(old, next);
    assert.deepEqual(held(), [next]);
  });

  it('are shared while the Services agree, and lost by the one that ceases to', () => {
    const { claims, held } = setup();
    claims.learn('ns/b', service('b', { has: [old], annotations: sharing('k') }));
    const udp = { ports: [{ port: 80, protocol: 'UDP' as const }] };
    claims.learn('ns/a', at(1, [old], { annotations: sharing('k'), spec: udp }));
    assert.deepEqual(held(), [old]);
    assert.equal(claims.learn('ns/a', at(2, [old], { annotations: sharing('k') })), true);
    assert.deepEqual(held(), []);
    assert.deepEqual(claims.of('ns/b').map(printIP), [old]);
  });

  it('tell when a port of a shared address became free', () => {
    const { claims } = setup();
    claims.learn('ns/a', at(1, [old], { annotations: sharing('k') }));
    const moved = { ports: [{ port: 81 }] };
    assert.equal(claims.learn('ns/a', at(2, [old], { annotations: sharing('k'), spec: moved })), true);
    assert.equal(claims.learn('ns/a', at(3, [old], { annotations: sharing('k'), spec: moved })), false);
  });
});
