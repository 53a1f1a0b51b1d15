/**
 * Which prefixes a cluster's pods have, kept in its store: of several servers any may become the one that gives nodes theirs, and must
 * not give them from elsewhere than the one before it.
 */
import { sameValue } from '../api/value.ts';
import { type CIDR, printCIDR } from '../lib/ip.ts';
import type { Store } from '../store/store.ts';
import { CLUSTER_CIDRS } from './storage/keys.ts';

/** What the store holds of them. */
interface KeptPrefixes {
  /** At most one per family, the primary family first. */
  readonly cidrs: readonly string[];
}

/** The cluster's nodes are given prefixes from elsewhere than this server would. */
export class ClusterCIDRMismatchError extends Error {
  constructor(found: readonly string[], wanted: readonly string[]) {
    super(
      `the cluster gives nodes their prefixes of pods from ${found.join(',')}, and this server was started to give them from ${wanted.join(',')}: ` +
        `start it with --cluster-cidr ${found.join(',')}, as every server of the cluster. To have others for all of it, stop every server, ` +
        `delete the key ${CLUSTER_CIDRS} in etcd, and start servers and agents with the same --cluster-cidr: nodes keep the prefixes that they have`,
    );
    this.name = 'ClusterCIDRMismatchError';
  }
}

/**
 * Notes the prefixes for the servers to come, where there are none yet, or those of a second family. Throws
 * {@link ClusterCIDRMismatchError}.
 */
export async function claimClusterCIDRs(store: Store, clusterCIDRs: readonly CIDR[]): Promise<void> {
  const wanted = clusterCIDRs.map(printCIDR);
  const value = Buffer.from(JSON.stringify({ cidrs: wanted } satisfies KeptPrefixes));
  const write = { kind: 'put', key: CLUSTER_CIDRS, value } as const;
  // Again when another server, which starts at the same time, was faster.
  for (let found = await store.get(CLUSTER_CIDRS); ; ) {
    const kept =
      found === undefined ? [] : (JSON.parse(Buffer.from(found.value).toString('utf8')) as KeptPrefixes).cidrs;
    if (found !== undefined && sameValue(kept, wanted)) return;
    if (found !== undefined && !addsFamily(kept, wanted)) throw new ClusterCIDRMismatchError(kept, wanted);
    const result = await store.txn([{ key: CLUSTER_CIDRS, modified: found?.modified ?? 0 }], [write]);
    if (result.ok) return;
    [found] = result.current;
  }
}

const addsFamily = (kept: readonly string[], wanted: readonly string[]): boolean =>
  kept.length === 1 && wanted.length === 2 && kept[0] === wanted[0];
