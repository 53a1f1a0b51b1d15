/** How a lab starts the program's own parts. */
import type { LabCommands, LabOptions, NodeFirewall } from '../../lab/lab.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS, forFamilies, IMAGE_DIR, PROGRAM } from './defaults.ts';
import { asAgent } from './privileges.ts';

export const LAB_COMMANDS: LabCommands = {
  run: (dir) => [PROGRAM, 'lab', 'run', '--dir', dir],
  server: ({ dataDir, listen, socketPath, advertiseAddresses, ipFamilies, agents }) => [
    ...[PROGRAM, 'server', '--data-dir', dataDir, '--listen', listen, '--socket', socketPath],
    ...['--advertise-address', advertiseAddresses.join(',')],
    ...['--cluster-cidr', forFamilies(DEFAULT_CLUSTER_CIDRS, ipFamilies)],
    ...['--service-cidr', forFamilies(DEFAULT_SERVICE_CIDRS, ipFamilies)],
    ...agents.flatMap(({ nodeName, kubeconfig }) => ['--issue', `${nodeName}=${kubeconfig}`]),
  ],
  agent: ({ nodeName, kubeconfig, socketPath, stateDir, lanInterface, addresses, ipFamilies, flags }) =>
    asAgent(
      [
        ...[PROGRAM, 'agent', '--node-name', nodeName, '--kubeconfig', kubeconfig, '--api-socket', socketPath],
        ...['--state-dir', stateDir, '--interface', lanInterface, '--image-dir', IMAGE_DIR],
        ...addresses.flatMap((address) => ['--node-ip', address]),
        ...['--cluster-cidr', forFamilies(DEFAULT_CLUSTER_CIDRS, ipFamilies)],
        ...flags,
      ],
      true,
    ),
  sandboxImage: async () => {
    const [{ PAUSE_IMAGE, pauseImage }, { buildImage }] = await Promise.all([
      import('../../pods/images/busybox.ts'),
      import('../../pods/images/build.ts'),
    ]);
    return { name: PAUSE_IMAGE, archive: buildImage(pauseImage()) };
  },
};

export interface LabFlags {
  readonly dir: string;
  readonly nodes: number;
  /** The primary one first. */
  readonly ipFamilies: readonly IPFamily[];
  readonly nodeFirewall?: NodeFirewall;
  readonly nodeContainers?: boolean;
  /** Of every node's agent besides. */
  readonly agentFlags?: readonly string[];
}

export function labOptions(flags: LabFlags): LabOptions {
  return { ...flags, commands: LAB_COMMANDS };
}
