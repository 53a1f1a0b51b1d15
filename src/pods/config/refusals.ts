/** What pods may ask for that a node does not do: refused, as a pod without it would not be what was asked for. */
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container } from '../../api/core/v1/pod-spec.ts';
import { type Mapping, ownValue } from '../../api/value.ts';
import { forbiddenSysctl } from './sysctls.ts';

/** Why a node never runs the pod. */
export interface Refusal {
  readonly reason: string;
  readonly message: string;
}

/** Why the node never takes the pod, which then has failed; reason and message are the kubelet's. Undefined when it may. */
export function nodeRefusal(pod: Pod): Refusal | undefined {
  const { os, securityContext } = pod.spec ?? {};
  if (os !== undefined && os.name !== 'linux') {
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  }
  const { supplementalGroupsPolicy: policy } = securityContext ?? {};
  // Since containerd 2.0 a runtime can leave out the groups of the image's own /etc/group.
  if (policy !== undefined && policy !== 'Merge') {
    const message = `SupplementalGroupsPolicy=${policy} is not supported in this node`;
    return { reason: 'SupplementalGroupsPolicyNotSupported', message };
  }
  const sysctl = forbiddenSysctl(pod);
  return sysctl === undefined ? undefined : { reason: 'SysctlForbidden', message: sysctl };
}

/** What of the pod as a whole is not supported, and what to do; undefined when all is. */
export function unsupportedInPod({ spec = {} }: Pod): string | undefined {
  if (spec.runtimeClassName) {
    return `RuntimeClass "${spec.runtimeClassName}" not found: there is only the runtime's default; leave runtimeClassName out`;
  }
  if (ownValue(spec, 'hostUsers') === false) {
    return 'hostUsers is false, but user namespaces are not supported here; leave it out';
  }
  if (ownValue(spec, 'resources') !== undefined) {
    return 'resources of the pod as a whole are not supported here; give them to its containers';
  }
  return isEmpty(ownValue(spec, 'resourceClaims'))
    ? undefined
    : 'resourceClaims are not supported here; leave them out';
}

/** What of a container is not supported, and what to do; undefined when all is. */
export function unsupportedInContainer(container: Container): string | undefined {
  if (!isEmpty(ownValue(container, 'volumeDevices'))) {
    return `volumeDevices of container "${container.name}" are not supported here; use volumeMounts`;
  }
  const deep = container.volumeMounts?.find((mount: Mapping) => ownValue(mount, 'recursiveReadOnly') === 'Enabled');
  if (deep === undefined) return undefined;
  return `volumeMount "${deep.name}" has recursiveReadOnly: Enabled, which is not supported here; use IfPossible`;
}

function isEmpty(list: unknown): boolean {
  return !Array.isArray(list) || list.length === 0;
}
