/**
 * Mistakes in the spec of a pod, or of a template of pods, in Kubernetes' words. Follows ValidatePodSpec of
 * pkg/apis/core/validation.
 */
import { forbidden, invalidValue, notSupported, requiredValue } from '../../../field-errors.ts';
import { duplicates, mistakeIn, validateLabels } from '../../../meta/validation.ts';
import { dnsLabelMistake, dnsSubdomainMistake, labelKeyMistake } from '../../../names.ts';
import type { Cause } from '../../../status.ts';
import type { PodSpec } from '../pod-spec.ts';
import { validateContainers } from './containers.ts';
import { validateDNS, validateHostAliases } from './dns.ts';
import { validatePlacement } from './placement.ts';
import { validatePodSecurity } from './security.ts';
import { validateVolumes } from './volumes.ts';

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
const PREEMPTION_POLICIES = ['Never', 'PreemptLowerPriority'];
const DEADLINE_MAX = 2 ** 31 - 1;

export interface SpecOf {
  /** Whether it is that of a template of pods, not of a pod: what the node and the system fill in is not looked for. */
  readonly template: boolean;
}

/** Every mistake of a defaulted spec; `field` is where it stands: `spec`, `spec.template.spec`. */
export function validatePodSpec(spec: PodSpec, field: string, { template }: SpecOf): readonly Cause[] {
  return [
    ...validateVolumes(spec, `${field}.volumes`),
    ...validateContainers(spec, field),
    ...validateLife(spec, field),
    ...validateDNS(spec, field),
    ...validateHostAliases(spec.hostAliases ?? [], `${field}.hostAliases`),
    ...validatePodSecurity(spec, field),
    ...validatePlacement(spec, field),
    ...validateNames(spec, field),
    ...validateGates(spec, field),
    ...validateEphemeral(spec, field, template),
  ];
}

function validateLife(spec: PodSpec, field: string): readonly Cause[] {
  const { restartPolicy = '', terminationGracePeriodSeconds: grace, activeDeadlineSeconds: deadline } = spec;
  const causes: Cause[] = [];
  if (restartPolicy === '') causes.push(requiredValue(`${field}.restartPolicy`));
  else if (!RESTART_POLICIES.includes(restartPolicy))
    causes.push(notSupported(`${field}.restartPolicy`, restartPolicy, RESTART_POLICIES));
  if (grace !== undefined && grace < 0) {
    causes.push(invalidValue(`${field}.terminationGracePeriodSeconds`, grace, 'must be greater than or equal to 0'));
  }
  if (deadline !== undefined && (deadline < 1 || deadline > DEADLINE_MAX)) {
    const why = `must be between 1 and ${DEADLINE_MAX}, inclusive`;
    causes.push(invalidValue(`${field}.activeDeadlineSeconds`, deadline, why));
  }
  return causes;
}

function validateNames(spec: PodSpec, field: string): readonly Cause[] {
  const { hostname, subdomain, serviceAccountName, nodeName, priorityClassName, runtimeClassName, os } = spec;
  const check = (name: string, value: string | undefined, mistakeOf: (text: string) => string | undefined) =>
    value ? mistakeIn(`${field}.${name}`, value, mistakeOf(value)) : [];
  return [
    ...check('hostname', hostname, dnsLabelMistake),
    ...check('subdomain', subdomain, dnsLabelMistake),
    ...check('serviceAccountName', serviceAccountName, dnsSubdomainMistake),
    ...check('nodeName', nodeName, dnsSubdomainMistake),
    ...check('schedulerName', spec.schedulerName, dnsSubdomainMistake),
    ...check('priorityClassName', priorityClassName, dnsSubdomainMistake),
    ...check('runtimeClassName', runtimeClassName, dnsSubdomainMistake),
    ...validateLabels(spec.nodeSelector, `${field}.nodeSelector`),
    ...(spec.preemptionPolicy === undefined || PREEMPTION_POLICIES.includes(spec.preemptionPolicy)
      ? []
      : [notSupported(`${field}.preemptionPolicy`, spec.preemptionPolicy, PREEMPTION_POLICIES)]),
    ...(os === undefined || os.name === 'linux' || os.name === 'windows'
      ? []
      : [notSupported(`${field}.os.name`, os.name, ['linux', 'windows'])]),
  ];
}

function validateGates(spec: PodSpec, field: string): readonly Cause[] {
  const { readinessGates = [], schedulingGates = [] } = spec;
  return [
    ...readinessGates.flatMap(({ conditionType }, i) =>
      mistakeIn(`${field}.readinessGates[${i}].conditionType`, conditionType, labelKeyMistake(conditionType)),
    ),
    ...schedulingGates.flatMap(({ name }, i) =>
      mistakeIn(`${field}.schedulingGates[${i}]`, name, labelKeyMistake(name)),
    ),
    ...duplicates(
      schedulingGates,
      ({ name }) => name,
      (i) => `${field}.schedulingGates[${i}]`,
    ),
  ];
}

/** Containers for debugging come later, and into pods alone. */
function validateEphemeral(spec: PodSpec, field: string, template: boolean): readonly Cause[] {
  const found = (spec as Readonly<Record<string, unknown>>)['ephemeralContainers'];
  if (!Array.isArray(found) || found.length === 0) return [];
  const why = template ? 'ephemeral containers not allowed in pod template' : 'cannot be set on create';
  return [forbidden(`${field}.ephemeralContainers`, why)];
}
