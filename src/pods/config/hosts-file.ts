/**
 * A pod's /etc/hosts. Programs know a kubelet's file by its first line, so that is the same.
 * https://kubernetes.io/docs/tasks/network/customize-hosts-file-for-pods/
 */
import type { Pod } from '../../api/core/v1/pod.ts';
import { podNames } from './hostname.ts';

const LOCAL: readonly string[] = [
  '127.0.0.1\tlocalhost',
  '::1\tlocalhost ip6-localhost ip6-loopback',
  'fe00::\tip6-localnet',
  'ff00::\tip6-mcastprefix',
  'ff02::1\tip6-allnodes',
  'ff02::2\tip6-allrouters',
];

export interface HostsInputs {
  readonly pod: Pod;
  readonly podIPs: readonly string[];
  readonly clusterDomain: string;
  /** The node's own /etc/hosts: what a pod on its network starts from. */
  readonly nodeHosts: string;
}

/** The text of /etc/hosts. */
export function hostsFile({ pod, podIPs, clusterDomain, nodeHosts }: HostsInputs): string {
  const { hostNetwork, hostAliases = [] } = pod.spec ?? {};
  const { hostname, domain } = podNames(pod, clusterDomain);
  const names = domain === undefined ? hostname : `${hostname}.${domain}\t${hostname}`;
  const own = podIPs.map((ip) => `${ip}\t${names}`);
  const aliases = hostAliases.map(({ ip, hostnames = [] }) => [ip, ...hostnames].join('\t'));
  const lines = [
    ...(hostNetwork
      ? ['# Kubernetes-managed hosts file (host network).', nodeHosts.trimEnd()]
      : ['# Kubernetes-managed hosts file.', ...LOCAL, ...own]),
    ...(aliases.length === 0 ? [] : ['', '# Entries added by HostAliases.', ...aliases]),
  ];
  return `${lines.join('\n')}\n`;
}
