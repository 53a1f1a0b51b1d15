/** What of a pod may change once it is made. Follows ValidatePodUpdate of Kubernetes' pkg/apis/core/validation. */
import { forbidden, invalidValue } from '../../../field-errors.ts';
import type { Cause } from '../../../status.ts';
import { sameValue } from '../../../value.ts';
import type { Pod } from '../pod.ts';
import type { Toleration } from '../pod-placement.ts';
import type { Container, PodSpec } from '../pod-spec.ts';
import { defaultPodSpec, defaultsOfPod } from './defaults.ts';
import { validatePodSpec } from './validate.ts';

const MUTABLE =
  'pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)';

export function validatePodUpdate(pod: Pod, old: Pod): readonly Cause[] {
  const spec = pod.spec ?? {};
  // Most writes are of the status.
  if (sameValue(spec, old.spec)) return [];
  // One that an older release stored has fewer defaults than it has now.
  const before = defaultsOfPod(defaultPodSpec(old.spec ?? {}));
  if (sameValue(plain(spec), plain(before))) return [];
  return [
    ...validateImages(spec, before),
    ...validateDeadline(spec, before),
    ...validateTolerations(spec, before),
    ...validateGates(spec, before),
    ...validateNode(spec, before),
    ...validateRest(spec, before),
  ];
}

/** Another image must still be one. */
function validateImages(spec: PodSpec, before: PodSpec): readonly Cause[] {
  const changed = !sameValue(imagesOf(spec), imagesOf(before));
  return changed
    ? validatePodSpec(spec, 'spec', { template: false }).filter(({ field }) => /\.image$/.test(field))
    : [];
}

function imagesOf({ containers = [], initContainers = [] }: PodSpec): readonly (string | undefined)[] {
  return [...containers, ...initContainers].map(({ image }) => image);
}

/** It can be brought forward, and set where there was none. */
function validateDeadline(spec: PodSpec, before: PodSpec): readonly Cause[] {
  const field = 'spec.activeDeadlineSeconds';
  const [next, old] = [spec.activeDeadlineSeconds, before.activeDeadlineSeconds];
  if (next === old) return [];
  if (next !== undefined && (next < 1 || next > 2 ** 31 - 1)) {
    return [invalidValue(field, next, 'must be between 1 and 2147483647, inclusive')];
  }
  if (old === undefined) return [];
  if (next === undefined) return [invalidValue(field, null, 'must not update from a positive integer to nil value')];
  return next > old ? [invalidValue(field, next, 'must be less than or equal to previous value')] : [];
}

/** They can be added to; the time that one is borne can change. */
function validateTolerations(spec: PodSpec, before: PodSpec): readonly Cause[] {
  const kept = new Set((spec.tolerations ?? []).map(kindOf));
  const missing = (before.tolerations ?? []).some((toleration) => !kept.has(kindOf(toleration)));
  const why = 'existing toleration can not be modified except its tolerationSeconds';
  return [
    ...(missing ? [forbidden('spec.tolerations', why)] : []),
    ...(sameValue(spec.tolerations, before.tolerations)
      ? []
      : validatePodSpec(spec, 'spec', { template: false }).filter(({ field }) => field.startsWith('spec.tolerations'))),
  ];
}

function kindOf({ key = '', operator = '', value = '', effect = '' }: Toleration): string {
  return JSON.stringify([key, operator || 'Equal', value, effect]);
}

/** Gates can only be opened. While one is closed, the choice of nodes may be narrowed. */
function validateGates(spec: PodSpec, before: PodSpec): readonly Cause[] {
  const known = new Set((before.schedulingGates ?? []).map(({ name }) => name));
  const added = (spec.schedulingGates ?? []).filter(({ name }) => !known.has(name)).map(({ name }) => name);
  if (added.length === 0) return [];
  return [
    forbidden('spec.schedulingGates', `only deletion is allowed, but found new scheduling gates ${added.join(',')}`),
  ];
}

function validateNode(spec: PodSpec, before: PodSpec): readonly Cause[] {
  if (!before.nodeName || before.nodeName === spec.nodeName) return [];
  return [forbidden('spec.nodeName', 'may not change once the pod is bound to a node')];
}

/** Everything else stays as it is. */
function validateRest(spec: PodSpec, before: PodSpec): readonly Cause[] {
  const containers = (before.containers ?? []).length === (spec.containers ?? []).length;
  if (!containers) return [forbidden('spec.containers', 'pod updates may not add or remove containers')];
  if ((before.initContainers ?? []).length !== (spec.initContainers ?? []).length) {
    return [forbidden('spec.initContainers', 'pod updates may not add or remove containers')];
  }
  return sameValue(plain(frozen(spec, before)), plain(before)) ? [] : [forbidden('spec', MUTABLE)];
}

/** The spec with what may change as it was before. */
function frozen(spec: PodSpec, before: PodSpec): PodSpec {
  const { activeDeadlineSeconds: _, tolerations: __, schedulingGates: ___, ...rest } = narrowed(spec, before);
  const { activeDeadlineSeconds, tolerations, schedulingGates } = before;
  const grace = before.terminationGracePeriodSeconds ?? 0;
  return {
    ...rest,
    ...(before.nodeName ? { nodeName: before.nodeName } : {}),
    ...(activeDeadlineSeconds === undefined ? {} : { activeDeadlineSeconds }),
    ...(tolerations === undefined ? {} : { tolerations }),
    ...(schedulingGates === undefined ? {} : { schedulingGates }),
    ...(grace < 0 && spec.terminationGracePeriodSeconds === 1 ? { terminationGracePeriodSeconds: grace } : {}),
    ...(spec.containers === undefined ? {} : { containers: withImages(spec.containers, before.containers) }),
    ...(spec.initContainers === undefined
      ? {}
      : { initContainers: withImages(spec.initContainers, before.initContainers) }),
  };
}

/** While a gate is closed no node has been chosen: the choice can be narrowed, by labels, or by an affinity where there was none. */
function narrowed(spec: PodSpec, before: PodSpec): PodSpec {
  if ((before.schedulingGates ?? []).length === 0) return spec;
  const { nodeSelector = {}, affinity, ...rest } = spec;
  const kept = Object.keys(before.nodeSelector ?? {}).filter((key) => Object.hasOwn(nodeSelector, key));
  const selector = Object.fromEntries(kept.map((key) => [key, nodeSelector[key] ?? '']));
  return {
    ...rest,
    ...(before.nodeSelector === undefined ? {} : { nodeSelector: selector }),
    ...(before.affinity === undefined || affinity === undefined ? {} : { affinity }),
  };
}

function withImages(containers: readonly Container[], before: readonly Container[] = []): readonly Container[] {
  return containers.map((container, i) => {
    const image = before[i]?.image;
    return image === undefined ? container : { ...container, image };
  });
}

/** Fields that are there and undefined are not there in JSON. */
function plain(spec: PodSpec): unknown {
  return JSON.parse(JSON.stringify(spec)) as unknown;
}
