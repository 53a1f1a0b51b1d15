/** How a lab starts the program's own parts. */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { EtcdAccess, LabCommands, LabOptions, LabStore, NodeFirewall } from '../../lab/lab.ts';
import type { IPFamily } from '../../lib/ip.ts';
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS, forFamilies, IMAGE_DIR, PROGRAM } from './defaults.ts';
import { asAgent } from './privileges.ts';

export const LAB_COMMANDS: LabCommands = {
  run: (dir) => [PROGRAM, 'lab', 'run', '--dir', dir],
  server: ({ dataDir, listen, socketPath, advertiseAddresses, ipFamilies, agents, etcd, flags }) => [
    ...[PROGRAM, 'server', '--data-dir', dataDir, '--listen', listen, '--socket', socketPath],
    ...['--advertise-address', advertiseAddresses.join(',')],
    ...['--cluster-cidr', forFamilies(DEFAULT_CLUSTER_CIDRS, ipFamilies)],
    ...['--service-cidr', forFamilies(DEFAULT_SERVICE_CIDRS, ipFamilies)],
    ...agents.flatMap(({ nodeName, kubeconfig }) => ['--issue', `${nodeName}=${kubeconfig}`]),
    ...(etcd === undefined ? [] : etcdFlags(etcd)),
    ...flags,
  ],
  agent: ({ nodeName, kubeconfig, socketPath, stateDir, lanInterface, addresses, ipFamilies, flags }) =>
    asAgent(
      [
        ...[PROGRAM, 'agent', '--node-name', nodeName, '--kubeconfig', kubeconfig],
        ...(socketPath === undefined ? [] : ['--api-socket', socketPath]),
        ...['--state-dir', stateDir, '--interface', lanInterface, '--image-dir', IMAGE_DIR],
        ...addresses.flatMap((address) => ['--node-ip', address]),
        ...['--cluster-cidr', forFamilies(DEFAULT_CLUSTER_CIDRS, ipFamilies)],
        ...flags,
      ],
      true,
    ),
  shareAuthority: async (fromDataDir, toDataDir) => {
    const folder = (dataDir: string) => join(dataDir, 'pki');
    await mkdir(folder(toDataDir), { recursive: true, mode: 0o700 });
    await Promise.all(
      AUTHORITY_FILES.map((name) => copyFile(join(folder(fromDataDir), name), join(folder(toDataDir), name))),
    );
  },
  kubeconfig: async ({ from, to, servers: [server, ...otherServers] }) => {
    const { loadKubeconfig, printKubeconfig } = await import('../../client/kubeconfig.ts');
    const endpoint = await loadKubeconfig(from);
    const text = printKubeconfig({
      endpoint: { ...endpoint, server: server ?? endpoint.server, otherServers },
      name: 'postern',
    });
    await writeFile(to, text, { mode: 0o600 });
  },
  objectsDir: (dataDir) => join(dataDir, 'store'),
  sandboxImage: async () => {
    const [{ PAUSE_IMAGE, pauseImage }, { buildImage }] = await Promise.all([
      import('../../pods/images/busybox.ts'),
      import('../../pods/images/build.ts'),
    ]);
    return { name: PAUSE_IMAGE, archive: buildImage(pauseImage()) };
  },
};

/** What all servers of a cluster have in common, in the folder `pki` of their data. */
const AUTHORITY_FILES = ['ca.pem', 'service-account.pem'];

function etcdFlags({ endpoints, ca, certificate, key }: EtcdAccess): readonly string[] {
  const files = ['--etcd-ca', ca, '--etcd-certificate', certificate, '--etcd-key', key];
  return ['--store', 'etcd', '--etcd-endpoints', endpoints.join(','), ...files];
}

export interface LabFlags {
  readonly dir: string;
  readonly nodes: number;
  /** The primary one first. */
  readonly ipFamilies: readonly IPFamily[];
  readonly nodeFirewall?: NodeFirewall;
  readonly nodeContainers?: boolean;
  /** Of every node's agent besides. */
  readonly agentFlags?: readonly string[];
  /** On the LAN. */
  readonly servers?: number;
  readonly store?: LabStore;
  /** Mebibytes. */
  readonly serverDisk?: number;
  /** Of every one of those servers besides. */
  readonly serverFlags?: readonly string[];
  readonly lans?: number;
  /** Milliseconds until the lab has to be ready. */
  readonly timeout?: number;
}

export function labOptions(flags: LabFlags): LabOptions {
  return { ...flags, commands: LAB_COMMANDS };
}
