/** What the runtime is asked for to make a pod's sandbox. */
import type { Pod } from '../../api/core/v1/pod.ts';
import { podCgroup } from '../cgroups.ts';
import type { PortMapping, SandboxConfig } from '../cri/cri.ts';
import { sandboxLabels } from '../labels.ts';
import type { Problem } from '../parts.ts';
import type { PodPaths } from '../volumes/paths.ts';
import type { ResolvConf } from './dns.ts';
import { kernelHostname } from './hostname.ts';
import { isProblem } from './problems.ts';
import { sandboxSecurity } from './security.ts';
import { sysctlsOf } from './sysctls.ts';

export interface SandboxInputs {
  readonly pod: Pod;
  /** Counts the pod's sandboxes. */
  readonly attempt: number;
  readonly nodeName: string;
  readonly clusterDomain: string;
  readonly dns: ResolvConf;
  readonly paths: PodPaths;
}

/** What the runtime is asked for; a problem when the pod cannot have it. */
export function sandboxConfig(inputs: SandboxInputs): SandboxConfig | Problem {
  const { pod, attempt, nodeName, clusterDomain, dns, paths } = inputs;
  const { name = '', namespace = '', uid = '', annotations = {} } = pod.metadata;
  const hostNetwork = pod.spec?.hostNetwork ?? false;
  const hostname = hostNetwork ? '' : kernelHostname(pod, clusterDomain);
  if (isProblem(hostname)) return hostname;
  return {
    metadata: { name, namespace, uid, attempt },
    hostname,
    logDirectory: paths.logs(pod),
    dns,
    portMappings: hostNetwork ? [] : portMappings(pod),
    labels: sandboxLabels(pod, nodeName),
    annotations,
    linux: {
      cgroupParent: podCgroup(nodeName, uid),
      security: sandboxSecurity(pod),
      sysctls: sysctlsOf(pod),
    },
  };
}

/** Ports of the node that lead to the pod. Those of init containers are not forwarded, but a sidecar's are. */
export function portMappings({ spec }: Pod): readonly PortMapping[] {
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...sidecars].flatMap(({ ports = [] }) =>
    ports
      .filter(({ hostPort = 0 }) => hostPort !== 0)
      .map(({ protocol, containerPort, hostPort = 0, hostIP = '' }) => ({
        protocol: protocolOf(protocol),
        containerPort,
        hostPort,
        hostIP,
      })),
  );
}

function protocolOf(name: string | undefined): PortMapping['protocol'] {
  return name === 'UDP' || name === 'SCTP' ? name : 'TCP';
}
