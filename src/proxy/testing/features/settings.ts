/** The ways in which the proxy under test is set up. */
import { networkInterfaces } from 'node:os';
import { IP_FAMILIES, type IPAddress, type IPFamily, mustParseCIDR, mustParseIP } from '../../../lib/ip.ts';
import { type Localities, type LocalityOptions, localitiesOf, nodePortAddresses } from '../../locality.ts';
import { BRIDGE, CLUSTER_PREFIXES, NODES, POD_PREFIXES } from '../world/topology.ts';

export interface Setting {
  readonly localities: Localities;
  /** Where node ports are served. */
  readonly nodeAddresses: () => readonly IPAddress[];
  /** Node ports are served on 127.0.0.1, too. */
  readonly localhost: boolean;
}

type Prefixes = Readonly<Record<IPFamily, string>>;
const parsed = (of: Prefixes) => IP_FAMILIES.map((family) => mustParseCIDR(of[family]));

/** Every address of the node's interfaces. */
const own = () =>
  Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map(({ address }) => mustParseIP(address)));

function setting(options: Partial<LocalityOptions> = {}, within?: Prefixes): Setting {
  const localhost = options.localhostNodePorts ?? false;
  const primary = IP_FAMILIES.map((family) => mustParseIP(NODES.node1[family]));
  const prefixes = within === undefined ? [] : parsed(within);
  return {
    localhost,
    localities: localitiesOf({
      podCIDRs: parsed(POD_PREFIXES.node1),
      clusterCIDRs: parsed(CLUSTER_PREFIXES),
      ...options,
    }),
    nodeAddresses: () => nodePortAddresses({ within: prefixes, primary, own, localhost }),
  };
}

const byInterface = (localPods: NonNullable<LocalityOptions['localPods']>) =>
  setting({ podCIDRs: [], clusterCIDRs: [], localPods });

export const SETTINGS = {
  default: setting(),
  bridge: byInterface({ kind: 'bridge', name: BRIDGE }),
  'interface prefix': byInterface({ kind: 'interface-prefix', prefix: BRIDGE.slice(0, 4) }),
  'masquerade all': setting({ masqueradeAll: true }),
  // The node's address among its pods, and not the one on the LAN.
  'node port addresses': setting({}, POD_PREFIXES.node1),
  localhost: setting({ localhostNodePorts: true }),
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof SETTINGS;
