/** Durable writes of single keys to an etcd, with 64 clients at once: through the store, and straight, by the same gRPC client. */
import type { Measured } from '../harness.ts';
import { compareWrites, straightWrites, TIMEOUT, withEtcd } from './etcd-load.ts';

/** Each client has a key, which it writes again and again. */
const keyOf = (client: number): string => `/registry/bench/${client}`;

/** Nothing where etcd is not installed. */
export function measureEtcd(value: Uint8Array): Promise<Measured> {
  return withEtcd(async (etcd, scope) => {
    const store = await etcd.open(scope, { timeout: TIMEOUT });
    return compareWrites(await straightWrites(etcd, scope, { value, keyOf }), {
      through: (client) => store.txn([], [{ kind: 'put', key: keyOf(client), value }]),
      what: 'etcd of 3, through the store',
      figure: 'store-etcd-writes-to-etcd-itself',
    });
  });
}
