/** How pods of different nodes reach each other, as `agent` and `up` are told. */
import { type Command, Option } from 'commander';
import type { PodNetworkMode } from '../network/routes/desired.ts';
import { parsedOption, parsePort } from './options.ts';

const MODES: readonly PodNetworkMode[] = ['auto', 'direct', 'vxlan'];
/** UDP port that IANA gave to VXLAN. */
const VXLAN_PORT = 4789;

/** The options as commander reads them. The same on all nodes of a cluster. */
export interface PodNetworkFlags {
  readonly podNetwork: PodNetworkMode;
  /** UDP. */
  readonly vxlanPort: number;
}

/** Adds the options of the network between nodes to a command. */
export function addPodNetworkOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        '--pod-network <mode>',
        'how pods of other nodes are reached; auto: directly on the same link, by VXLAN beyond; the same on all nodes',
      )
        .choices(MODES)
        .default('auto'),
    )
    .addOption(
      parsedOption('--vxlan-port <port>', 'UDP port of VXLAN; open it between nodes', parsePort, String(VXLAN_PORT)),
    );
}

/** Nothing but these flags. */
export function podNetworkFlags({ podNetwork, vxlanPort }: PodNetworkFlags): PodNetworkFlags {
  return { podNetwork, vxlanPort };
}

/** The same flags, for another process of ours. */
export function podNetworkArgv({ podNetwork, vxlanPort }: PodNetworkFlags): readonly string[] {
  return ['--pod-network', podNetwork, '--vxlan-port', String(vxlanPort)];
}
