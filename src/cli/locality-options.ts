/** How commands are told whose packets a node proxy takes for its own pods', and what follows from it. */
import { type Command, Option } from 'commander';
import type { LocalityOptions } from '../proxy/locality.ts';
import { parseInterface } from './options.ts';

export interface LocalityFlags {
  readonly podBridge?: string;
  readonly podInterfacePrefix?: string;
  readonly masqueradeAll?: true;
  readonly localhostNodeports?: true;
}

export function addLocalityOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--pod-bridge <interface>', "know this node's pods by their bridge; default: by the Node's podCIDRs")
        .argParser(parseInterface)
        .conflicts('podInterfacePrefix'),
    )
    .addOption(
      new Option('--pod-interface-prefix <prefix>', "know this node's pods by the names of their interfaces").argParser(
        parseInterface,
      ),
    )
    .option('--masquerade-all', 'replace the source address of every connection to a Service')
    .option('--localhost-nodeports', 'serve node ports at 127.0.0.1 too, for programs on this machine');
}

/** What the flags say. */
export function localityOf(
  flags: LocalityFlags,
): Required<Pick<LocalityOptions, 'masqueradeAll' | 'localhostNodePorts'>> & Pick<LocalityOptions, 'localPods'> {
  const {
    podBridge,
    podInterfacePrefix,
    masqueradeAll = false,
    localhostNodeports: localhostNodePorts = false,
  } = flags;
  const common = { masqueradeAll, localhostNodePorts };
  if (podBridge !== undefined) return { ...common, localPods: { kind: 'bridge', name: podBridge } };
  if (podInterfacePrefix === undefined) return common;
  return { ...common, localPods: { kind: 'interface-prefix', prefix: podInterfacePrefix } };
}
