/** How a lab starts the program's own parts. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runCommand } from '../../host/process.ts';
import type { AgentCredentials, EtcdAccess, LabCommands, LabOptions } from '../../lab/lab.ts';
import { DEFAULT_CLUSTER_CIDRS, DEFAULT_SERVICE_CIDRS, forFamilies, IMAGE_DIR, PROGRAM } from './defaults.ts';
import { asAgent } from './privileges.ts';

export const LAB_COMMANDS: LabCommands = {
  run: (dir) => [PROGRAM, 'lab', 'run', '--dir', dir],
  server: ({ dataDir, listen, socketPath, advertiseAddresses, ipFamilies, agents, etcd, join, flags }) => [
    ...[PROGRAM, 'server', '--data-dir', dataDir, '--listen', listen, '--socket', socketPath],
    ...['--advertise-address', advertiseAddresses.join(',')],
    ...['--cluster-cidr', forFamilies(DEFAULT_CLUSTER_CIDRS, ipFamilies)],
    ...['--service-cidr', forFamilies(DEFAULT_SERVICE_CIDRS, ipFamilies)],
    ...agents.flatMap(({ nodeName, kubeconfig }) => ['--issue', `${nodeName}=${kubeconfig}`]),
    ...(etcd === undefined ? [] : etcdFlags(etcd)),
    ...(join === undefined ? [] : ['--join', join.servers.join(','), '--token-file', join.tokenFile]),
    ...flags,
  ],
  agent: ({ nodeName, credentials, stateDir, lanInterface, addresses, ipFamilies, flags }) =>
    asAgent(
      [
        ...[PROGRAM, 'agent', '--node-name', nodeName, ...credentialFlags(credentials)],
        ...['--state-dir', stateDir, '--interface', lanInterface, '--image-dir', IMAGE_DIR],
        ...addresses.flatMap((address) => ['--node-ip', address]),
        ...['--cluster-cidr', forFamilies(DEFAULT_CLUSTER_CIDRS, ipFamilies)],
        ...flags,
      ],
      true,
    ),
  token: async ({ kubeconfig, role }) => {
    const argv = [PROGRAM, 'token', 'create', '--kubeconfig', kubeconfig, '--for', role, '-o', 'json'];
    return (JSON.parse((await runCommand(argv)).stdout) as { readonly token: string }).token;
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

function credentialFlags(credentials: AgentCredentials): readonly string[] {
  if (credentials.kind === 'join') {
    return ['--server', credentials.servers.join(','), '--token-file', credentials.tokenFile];
  }
  return ['--kubeconfig', credentials.path, '--api-socket', credentials.socketPath];
}

function etcdFlags({ endpoints, ca, certificate, key }: EtcdAccess): readonly string[] {
  const files = ['--etcd-ca', ca, '--etcd-certificate', certificate, '--etcd-key', key];
  return ['--store', 'etcd', '--etcd-endpoints', endpoints.join(','), ...files];
}

/** What a user chooses. */
export type LabFlags = Omit<LabOptions, 'commands'>;

export function labOptions(flags: LabFlags): LabOptions {
  return { ...flags, commands: LAB_COMMANDS };
}
