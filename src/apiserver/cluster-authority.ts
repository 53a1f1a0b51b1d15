/**
 * Which authority a cluster has, kept in its store: servers on one store that have different ones would serve clients that trust
 * one of them, and refuse each other's tokens, now and then.
 */
import { certificatePin } from '../lib/certificate-pin.ts';
import type { Store } from '../store/store.ts';
import { CLUSTER_AUTHORITY } from './storage/keys.ts';

/** What the store holds of it. */
interface KeptAuthority {
  /** Of the authority's certificate. */
  readonly pin: string;
}

/** The store is that of a cluster with another authority than this server's. */
export class OtherAuthorityError extends Error {
  constructor() {
    super(
      'the store belongs to a cluster whose certificate authority is another than this server’s. To become one of its servers, start with ' +
        'an empty --data-dir and with what this prints on a server of the cluster: postern token create --for server. Where the authority is lost, ' +
        `with every server of the cluster, delete the key ${CLUSTER_AUTHORITY} in etcd: nodes and users then need new certificates`,
    );
    this.name = 'OtherAuthorityError';
  }
}

/** Notes the authority for the servers to come, where there is none yet. Throws {@link OtherAuthorityError}. */
export async function claimAuthority(store: Store, caCertificate: string): Promise<void> {
  const pin = certificatePin(caCertificate);
  const value = Buffer.from(JSON.stringify({ pin } satisfies KeptAuthority));
  const compare = { key: CLUSTER_AUTHORITY, modified: 0 };
  const result = await store.txn([compare], [{ kind: 'put', key: CLUSTER_AUTHORITY, value }]);
  const [found] = result.ok ? [] : result.current;
  if (found === undefined) return;
  const kept = JSON.parse(Buffer.from(found.value).toString('utf8')) as KeptAuthority;
  if (kept.pin !== pin) throw new OtherAuthorityError();
}
