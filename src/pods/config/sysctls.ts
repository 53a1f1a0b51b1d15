/**
 * Parameters of the kernel that a pod may set for itself: those that are a pod's own and harm no other.
 * https://kubernetes.io/docs/tasks/administer-cluster/sysctl-cluster/#safe-and-unsafe-sysctls
 */
import type { Pod } from '../../api/core/v1/pod.ts';

const SAFE: ReadonlySet<string> = new Set([
  'kernel.shm_rmid_forced',
  'net.ipv4.ip_local_port_range',
  'net.ipv4.ip_local_reserved_ports',
  'net.ipv4.ip_unprivileged_port_start',
  'net.ipv4.ping_group_range',
  'net.ipv4.tcp_fin_timeout',
  'net.ipv4.tcp_keepalive_intvl',
  'net.ipv4.tcp_keepalive_probes',
  'net.ipv4.tcp_keepalive_time',
  'net.ipv4.tcp_rmem',
  'net.ipv4.tcp_syncookies',
  'net.ipv4.tcp_wmem',
]);

/** `net/ipv4/tcp_rmem` is the same name. */
function dotted(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  return separator === '/' ? name.replace(/[./]/g, (char) => (char === '/' ? '.' : '/')) : name;
}

/** Settings of the kernel that a pod asks for, by name. */
export function sysctlsOf({ spec }: Pod): Readonly<Record<string, string>> {
  return Object.fromEntries((spec?.securityContext?.sysctls ?? []).map(({ name, value }) => [dotted(name), value]));
}

/** Why a node does not take the pod: it then has failed for the reason SysctlForbidden. Undefined when it may. */
export function forbiddenSysctl(pod: Pod): string | undefined {
  const { hostNetwork = false, hostIPC = false } = pod.spec ?? {};
  for (const name of Object.keys(sysctlsOf(pod))) {
    if (!SAFE.has(name)) return `forbidden sysctl: "${name}" not allowlisted`;
    if (hostNetwork && name.startsWith('net.')) return `forbidden sysctl: "${name}" not allowed with host net enabled`;
    if (hostIPC && name.startsWith('kernel.')) return `forbidden sysctl: "${name}" not allowed with host ipc enabled`;
  }
  return undefined;
}
