/** Puts a node's proxy together from what the node is: how its kernel is programmed, and for whom. */
import type { NftRunner } from '../../host/nft.ts';
import type { CIDR } from '../../lib/ip.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { localitiesOf } from '../../proxy/locality.ts';
import type { Mode } from '../../proxy/mode.ts';
import { nftablesMode } from '../../proxy/nftables/nftables-mode.ts';

/** The prefixes of pods, of all families that are served; with none, both families are. */
export interface PodPrefixes {
  /** This node's. */
  readonly podCIDRs: readonly CIDR[];
  /** All nodes'. */
  readonly clusterCIDRs: readonly CIDR[];
}

/** Programs the kernel of the network namespace that the runner works in. */
export function proxyMode(runner: NftRunner, prefixes: PodPrefixes): Mode {
  return nftablesMode({ netfilter: kernelNetfilter(runner), localities: localitiesOf(prefixes) });
}

/** Removes all that a proxy left in the runner's network namespace, in any mode. */
export async function cleanupProxy(runner: NftRunner): Promise<void> {
  await proxyMode(runner, { podCIDRs: [], clusterCIDRs: [] }).remove();
}
