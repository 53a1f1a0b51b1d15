/**
 * What a container may: its own security context over its pod's.
 * https://kubernetes.io/docs/tasks/configure-pod-container/security-context/
 */
import { isAbsolute, join, normalize } from 'node:path';
import type { Pod } from '../../api/core/v1/pod.ts';
import type { Container, ContainerSecurityContext, PodSecurityContext } from '../../api/core/v1/pod-spec.ts';
import type {
  ContainerSecurity,
  ImageInfo,
  NamespaceOptions,
  SandboxSecurity,
  SELinuxOptions,
  SecurityProfile,
} from '../cri/cri.ts';
import type { Problem } from '../parts.ts';
import { configProblem, isProblem } from './problems.ts';

/** What shows or changes the machine, and is hidden from containers. */
const MASKED_PATHS: readonly string[] = [
  '/proc/acpi',
  '/proc/asound',
  '/proc/interrupts',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/sys/devices/virtual/powercap',
  '/sys/firmware',
];
const READONLY_PATHS: readonly string[] = ['/proc/bus', '/proc/fs', '/proc/irq', '/proc/sys', '/proc/sysrq-trigger'];

/** Namespaces of a pod's sandbox and containers. */
export function namespaces({ spec }: Pod): NamespaceOptions {
  return {
    network: spec?.hostNetwork ? 'NODE' : 'POD',
    pid: spec?.hostPID ? 'NODE' : spec?.shareProcessNamespace ? 'POD' : 'CONTAINER',
    ipc: spec?.hostIPC ? 'NODE' : 'POD',
  };
}

/** Of the sandbox, whose one process only holds namespaces. */
export function sandboxSecurity(pod: Pod): SandboxSecurity {
  const context = pod.spec?.securityContext ?? {};
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  return {
    namespaces: namespaces(pod),
    // Runtimes take no group without a user, and the image's own user is whatever that image is made for.
    ...(context.runAsUser === undefined ? {} : idsOf(context)),
    ...(context.seLinuxOptions ? { selinux: seLinux(context.seLinuxOptions) } : {}),
    supplementalGroups: supplementalGroups(context),
    privileged: [...containers, ...initContainers].some(({ securityContext }) => securityContext?.privileged ?? false),
    seccomp: { profileType: 'RuntimeDefault' },
  };
}

/**
 * Of a container; a problem when its user is not to be root and is, or cannot be known not to be. `profileDir` has the seccomp
 * profiles that pods name.
 */
export function containerSecurity(
  pod: Pod,
  container: Container,
  image: ImageInfo,
  profileDir: string,
): ContainerSecurity | Problem {
  const ofPod = pod.spec?.securityContext ?? {};
  const own = container.securityContext ?? {};
  const context = { ...defined(ofPod), ...defined(own) } as PodSecurityContext & ContainerSecurityContext;
  const root = refuseRoot(pod, container, context, image);
  if (root !== undefined) return root;
  const seccomp = seccompProfile(context, profileDir);
  if (isProblem(seccomp)) return seccomp;
  const unmasked = context.procMount === 'Unmasked';
  return {
    namespaces: namespaces(pod),
    ...idsOf(context),
    ...(context.runAsUser === undefined ? userOfImage(image) : {}),
    privileged: context.privileged ?? false,
    readonlyRootfs: context.readOnlyRootFilesystem ?? false,
    noNewPrivs: context.allowPrivilegeEscalation === false,
    ...(context.capabilities
      ? { capabilities: { add: context.capabilities.add ?? [], drop: context.capabilities.drop ?? [] } }
      : {}),
    ...(context.seLinuxOptions ? { selinux: seLinux(context.seLinuxOptions) } : {}),
    supplementalGroups: supplementalGroups(ofPod),
    maskedPaths: unmasked ? [] : MASKED_PATHS,
    readonlyPaths: unmasked ? [] : READONLY_PATHS,
    seccomp,
    ...appArmor(context),
  };
}

/** The user that a container runs as, for files that are to be its own; undefined when the image says. */
export function userOf(pod: Pod, container: Container): number | undefined {
  return container.securityContext?.runAsUser ?? pod.spec?.securityContext?.runAsUser;
}

function refuseRoot(
  { metadata }: Pod,
  { name }: Container,
  { runAsNonRoot, runAsUser }: ContainerSecurityContext,
  { uid, username }: ImageInfo,
): Problem | undefined {
  if (!runAsNonRoot) return undefined;
  const pod = `"${metadata.name}_${metadata.namespace}(${metadata.uid})"`;
  if (runAsUser !== undefined) {
    if (runAsUser !== 0) return undefined;
    return configProblem(`container's runAsUser breaks non-root policy (pod: ${pod}, container: ${name})`);
  }
  if (uid === undefined && username !== '') {
    const why = `container has runAsNonRoot and image has non-numeric user (${username}), cannot verify user is non-root`;
    return configProblem(`${why} (pod: ${pod}, container: ${name})`);
  }
  // An image that says nothing runs as root.
  if ((uid ?? 0) !== 0) return undefined;
  return configProblem(`container has runAsNonRoot and image will run as root (pod: ${pod}, container: ${name})`);
}

/** What is left out, or cleared by null, does not hide what the pod says. */
function defined<T extends object>(context: T): Partial<T> {
  return Object.fromEntries(
    Object.entries(context).filter(([, value]) => value !== undefined && value !== null),
  ) as Partial<T>;
}

function idsOf({ runAsUser, runAsGroup }: { readonly runAsUser?: number; readonly runAsGroup?: number }) {
  return {
    ...(runAsUser === undefined ? {} : { runAsUser }),
    ...(runAsGroup === undefined ? {} : { runAsGroup }),
  };
}

/** An image that says nothing means root. */
function userOfImage({
  uid,
  username,
}: ImageInfo): { readonly runAsUser: number } | { readonly runAsUsername: string } {
  return uid === undefined && username !== '' ? { runAsUsername: username } : { runAsUser: uid ?? 0 };
}

/** The group of the pod's volumes is one of every process. */
function supplementalGroups({ fsGroup, supplementalGroups = [] }: PodSecurityContext): readonly number[] {
  return [...new Set([...(fsGroup === undefined ? [] : [fsGroup]), ...supplementalGroups])];
}

function seLinux({ user = '', role = '', type = '', level = '' }: Partial<SELinuxOptions>): SELinuxOptions {
  return { user, role, type, level };
}

/** Without a profile none is applied, as by a kubelet that is not told otherwise. */
function seccompProfile(
  { seccompProfile, privileged }: ContainerSecurityContext,
  profileDir: string,
): SecurityProfile | Problem {
  if (privileged || seccompProfile === undefined) return { profileType: 'Unconfined' };
  const { type, localhostProfile = '' } = seccompProfile;
  if (type !== 'Localhost') return { profileType: type === 'RuntimeDefault' ? type : 'Unconfined' };
  const path = normalize(localhostProfile);
  if (localhostProfile === '' || isAbsolute(path) || path.split('/')[0] === '..') {
    const found = JSON.stringify(localhostProfile);
    return configProblem(
      `seccompProfile.localhostProfile is ${found}; it must be the path of a file beneath ${profileDir}`,
    );
  }
  return { profileType: 'Localhost', localhostRef: join(profileDir, path) };
}

/** Without a profile the runtime applies its own where the kernel has AppArmor. */
function appArmor({ appArmorProfile, privileged }: ContainerSecurityContext): { readonly apparmor?: SecurityProfile } {
  if (privileged || appArmorProfile === undefined) return {};
  const { type, localhostProfile = '' } = appArmorProfile;
  if (type === 'Localhost') return { apparmor: { profileType: 'Localhost', localhostRef: localhostProfile } };
  return { apparmor: { profileType: type === 'RuntimeDefault' ? type : 'Unconfined' } };
}
