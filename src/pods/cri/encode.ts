/** What is sent to the runtime, in the shapes that `proto/runtime.proto` names. */
import type {
  ContainerConfig,
  ContainerFilter,
  ContainerSecurity,
  LinuxResources,
  NamespaceOptions,
  SandboxConfig,
  SandboxFilter,
  SandboxSecurity,
} from './cri.ts';

/** A number that may be 0 in earnest is a message of its own on the wire, so that it can be left out. */
const optionalNumber = (value: number | undefined): { value: number } | undefined =>
  value === undefined ? undefined : { value };

const namespaceOptions = ({ network, pid, ipc }: NamespaceOptions): object => ({ network, pid, ipc });

const sandboxSecurity = (security: SandboxSecurity): object => ({
  namespaceOptions: namespaceOptions(security.namespaces),
  selinuxOptions: security.selinux,
  runAsUser: optionalNumber(security.runAsUser),
  runAsGroup: optionalNumber(security.runAsGroup),
  readonlyRootfs: security.readonlyRootfs,
  supplementalGroups: security.supplementalGroups,
  privileged: security.privileged,
  seccomp: security.seccomp,
  apparmor: security.apparmor,
});

export function encodeSandboxConfig(config: SandboxConfig): object {
  const { metadata, hostname, logDirectory, dns, portMappings, labels, annotations, linux } = config;
  return {
    metadata,
    hostname,
    logDirectory,
    dnsConfig: dns,
    portMappings: portMappings.map(({ hostIP, ...mapping }) => ({ ...mapping, hostIp: hostIP })),
    labels,
    annotations,
    linux: {
      cgroupParent: linux.cgroupParent,
      securityContext: sandboxSecurity(linux.security),
      sysctls: linux.sysctls,
    },
  };
}

export function encodeResources(resources: LinuxResources): object {
  return { ...resources };
}

const containerSecurity = (security: ContainerSecurity): object => ({
  capabilities: security.capabilities && {
    addCapabilities: security.capabilities.add,
    dropCapabilities: security.capabilities.drop,
  },
  privileged: security.privileged,
  namespaceOptions: namespaceOptions(security.namespaces),
  selinuxOptions: security.selinux,
  runAsUser: optionalNumber(security.runAsUser),
  runAsUsername: security.runAsUsername,
  runAsGroup: optionalNumber(security.runAsGroup),
  readonlyRootfs: security.readonlyRootfs,
  supplementalGroups: security.supplementalGroups,
  noNewPrivs: security.noNewPrivs,
  maskedPaths: security.maskedPaths,
  readonlyPaths: security.readonlyPaths,
  seccomp: security.seccomp,
  apparmor: security.apparmor,
});

export function encodeContainerConfig(config: ContainerConfig): object {
  const { image, mounts, linux, ...rest } = config;
  return {
    ...rest,
    image: { image },
    mounts: mounts.map(({ propagation, ...mount }) => ({ ...mount, propagation: `PROPAGATION_${propagation}` })),
    linux: { resources: encodeResources(linux.resources), securityContext: containerSecurity(linux.security) },
  };
}

export function encodeSandboxFilter({ id, state, labels }: SandboxFilter): object {
  return { id, state: state && { state: `SANDBOX_${state}` }, labelSelector: labels };
}

export function encodeContainerFilter({ id, sandboxID, labels }: ContainerFilter): object {
  return { id, podSandboxId: sandboxID, labelSelector: labels };
}
