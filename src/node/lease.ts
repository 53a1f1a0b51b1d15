/** The node's heartbeat: a Lease that is renewed. https://kubernetes.io/docs/concepts/architecture/leases/#node-heart-beats */
import { Lease } from '../api/coordination/v1/lease.ts';
import { isNotFound } from '../api/status.ts';
import type { Client } from '../client/client.ts';

const NAMESPACE = 'kube-node-lease';
export interface LeaseOwner {
  readonly name: string;
  readonly uid: string;
}

/** Renews the node's lease, making it if there is none. `duration`: milliseconds for which that is good; `now`: wall clock. */
export async function renewLease(
  client: Client,
  owner: LeaseOwner,
  { now, duration }: { readonly now: number; readonly duration: number },
): Promise<void> {
  const spec = {
    holderIdentity: owner.name,
    leaseDurationSeconds: Math.round(duration / 1000),
    // A metav1.MicroTime.
    renewTime: new Date(now).toISOString().replace(/(\.\d{3})Z$/, '$1000Z'),
  };
  try {
    const patch = { type: 'merge', body: { spec } } as const;
    await client.patch(Lease, { namespace: NAMESPACE, name: owner.name }, patch);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await client.create(Lease, newLease(owner, spec));
  }
}

/** Owned by the Node, so that it goes with it. */
function newLease({ name, uid }: LeaseOwner, spec: NonNullable<Lease['spec']>): Lease {
  return {
    apiVersion: Lease.apiVersion,
    kind: Lease.kind,
    metadata: { name, namespace: NAMESPACE, ownerReferences: [{ apiVersion: 'v1', kind: 'Node', name, uid }] },
    spec,
  };
}
