/** The ways in which the proxy under test is set up, and the modes that it is tested in. */
import type { NftRunner } from '../../../host/nft.ts';
import { IP_FAMILIES, mustParseCIDR } from '../../../lib/ip.ts';
import { kernelNetfilter } from '../../../netfilter/kernel.ts';
import { localitiesOf } from '../../locality.ts';
import type { Mode } from '../../mode.ts';
import { nftablesMode } from '../../nftables/nftables-mode.ts';
import { CLUSTER_PREFIXES, POD_PREFIXES } from '../world/topology.ts';

export type ModeName = 'nftables';
export type SettingName = 'default';

/** A mode in the network namespace of the runner. */
export function openMode(name: ModeName, setting: SettingName, runner: NftRunner): Mode {
  const prefixes = (of: Readonly<Record<'IPv4' | 'IPv6', string>>) =>
    IP_FAMILIES.map((family) => mustParseCIDR(of[family]));
  const localities = localitiesOf({
    podCIDRs: prefixes(POD_PREFIXES.node1),
    clusterCIDRs: prefixes(CLUSTER_PREFIXES),
  });
  void setting;
  void name;
  return nftablesMode({ netfilter: kernelNetfilter(runner), localities });
}
