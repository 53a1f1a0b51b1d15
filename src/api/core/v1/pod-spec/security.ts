/** Mistakes in what containers may do on their node. https://kubernetes.io/docs/tasks/configure-pod-container/security-context/ */
import { duplicateValue, invalidValue, notSupported, requiredValue } from '../../../field-errors.ts';
import { mistakeIn } from '../../../meta/validation.ts';
import type { Cause } from '../../../status.ts';
import type { ContainerSecurityContext, PodSecurityContext, PodSpec } from '../pod-spec.ts';

const ID_MAX = 2 ** 31 - 1;
const ID_MISTAKE = `must be between 0 and ${ID_MAX}, inclusive`;
const PROFILE_TYPES = ['Localhost', 'RuntimeDefault', 'Unconfined'];
const PROC_MOUNTS = ['Default', 'Unmasked'];
const FS_GROUP_POLICIES = ['Always', 'OnRootMismatch'];
const GROUP_POLICIES = ['Merge', 'Strict'];
const SYSCTL_SEGMENT = '[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const SYSCTL = `(${SYSCTL_SEGMENT}[\\./])*${SYSCTL_SEGMENT}`;
const SYSCTL_NAME = new RegExp(`^${SYSCTL}$`);
const SYSCTL_MAX = 253;

type Profile = NonNullable<PodSecurityContext['seccompProfile']>;

export function validatePodSecurity(spec: PodSpec, field: string): readonly Cause[] {
  const at = `${field}.securityContext`;
  const context = spec.securityContext ?? {};
  const causes: Cause[] = [];
  if (spec.shareProcessNamespace && spec.hostPID) {
    const why = 'ShareProcessNamespace and HostPID cannot both be enabled';
    causes.push(invalidValue(`${field}.shareProcessNamespace`, true, why));
  }
  const { fsGroupChangePolicy, supplementalGroupsPolicy } = context;
  if (fsGroupChangePolicy !== undefined && !FS_GROUP_POLICIES.includes(fsGroupChangePolicy)) {
    causes.push(notSupported(`${at}.fsGroupChangePolicy`, fsGroupChangePolicy, FS_GROUP_POLICIES));
  }
  if (supplementalGroupsPolicy !== undefined && !GROUP_POLICIES.includes(supplementalGroupsPolicy)) {
    causes.push(notSupported(`${at}.supplementalGroupsPolicy`, supplementalGroupsPolicy, GROUP_POLICIES));
  }
  return [
    ...causes,
    ...validateShared(context, at),
    ...validateID(context.fsGroup, `${at}.fsGroup`),
    ...(context.supplementalGroups ?? []).flatMap((id, i) => validateID(id, `${at}.supplementalGroups[${i}]`)),
    ...validateSysctls(context.sysctls ?? [], `${at}.sysctls`, spec.hostNetwork ?? false),
  ];
}

export function validateContainerSecurity(context: ContainerSecurityContext, at: string): readonly Cause[] {
  const { privileged, allowPrivilegeEscalation, capabilities, procMount } = context;
  const causes: Cause[] = [];
  if (allowPrivilegeEscalation === false) {
    const what = 'cannot set `allowPrivilegeEscalation` to false and';
    if (privileged) causes.push(invalidValue(at, context, `${what} \`privileged\` to true`));
    if (capabilities?.add?.includes('CAP_SYS_ADMIN')) {
      causes.push(invalidValue(at, context, `${what} \`capabilities.Add\` CAP_SYS_ADMIN`));
    }
  }
  if (procMount !== undefined && !PROC_MOUNTS.includes(procMount)) {
    causes.push(notSupported(`${at}.procMount`, procMount, PROC_MOUNTS));
  }
  return [...causes, ...validateShared(context, at)];
}

/** What a pod says for all of its containers, and a container for itself. */
function validateShared(context: ContainerSecurityContext | PodSecurityContext, at: string): readonly Cause[] {
  return [
    ...validateID(context.runAsUser, `${at}.runAsUser`),
    ...validateID(context.runAsGroup, `${at}.runAsGroup`),
    ...validateProfile(context.seccompProfile, `${at}.seccompProfile`, 'seccomp'),
    ...validateProfile(context.appArmorProfile, `${at}.appArmorProfile`, 'AppArmor'),
  ];
}

function validateID(id: number | undefined, field: string): readonly Cause[] {
  return id === undefined || (id >= 0 && id <= ID_MAX) ? [] : [invalidValue(field, id, ID_MISTAKE)];
}

function validateProfile(profile: Profile | undefined, at: string, what: string): readonly Cause[] {
  if (profile === undefined) return [];
  const { type, localhostProfile } = profile;
  const field = `${at}.localhostProfile`;
  if (type === '') return [requiredValue(`${at}.type`)];
  if (!PROFILE_TYPES.includes(type)) return [notSupported(`${at}.type`, type, PROFILE_TYPES)];
  if (type !== 'Localhost') {
    const why = `can only be set when ${what} type is Localhost`;
    return localhostProfile === undefined ? [] : [invalidValue(field, localhostProfile, why)];
  }
  if (!localhostProfile) return [requiredValue(field, `must be set when ${what} type is Localhost`)];
  if (localhostProfile.startsWith('/')) return [invalidValue(field, localhostProfile, 'must be a relative path')];
  if (!localhostProfile.split('/').includes('..')) return [];
  return [invalidValue(field, localhostProfile, "must not contain '..'")];
}

type Sysctls = NonNullable<PodSecurityContext['sysctls']>;

function validateSysctls(sysctls: Sysctls, field: string, hostNetwork: boolean): readonly Cause[] {
  const seen = new Set<string>();
  return sysctls.flatMap(({ name }, i) => {
    const at = `${field}[${i}].name`;
    if (name === '') return [requiredValue(at)];
    const causes: Cause[] = [...mistakeIn(at, name, sysctlMistake(name))];
    // A slash may stand for a dot: sysctl.d(5).
    const key = name.replaceAll('/', '.');
    if (seen.has(key)) causes.push(duplicateValue(at, name));
    seen.add(key);
    if (hostNetwork && key.startsWith('net.')) {
      causes.push(invalidValue(at, name, "may not be specified when 'hostNetwork' is true"));
    }
    return causes;
  });
}

function sysctlMistake(name: string): string | undefined {
  if (name.length <= SYSCTL_MAX && SYSCTL_NAME.test(name)) return undefined;
  return `must have at most ${SYSCTL_MAX} characters and match regex ^${SYSCTL}$`;
}
