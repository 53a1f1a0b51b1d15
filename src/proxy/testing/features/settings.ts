/** The ways in which the proxy under test is set up. */
import { IP_FAMILIES, type IPFamily, mustParseCIDR } from '../../../lib/ip.ts';
import { type Localities, localitiesOf } from '../../locality.ts';
import { CLUSTER_PREFIXES, POD_PREFIXES } from '../world/topology.ts';

export type SettingName = 'default';

const parsed = (of: Readonly<Record<IPFamily, string>>) => IP_FAMILIES.map((family) => mustParseCIDR(of[family]));

export const SETTINGS: Readonly<Record<SettingName, Localities>> = {
  default: localitiesOf({ podCIDRs: parsed(POD_PREFIXES.node1), clusterCIDRs: parsed(CLUSTER_PREFIXES) }),
};
