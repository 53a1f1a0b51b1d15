/** Defaults, preparation and validation of Jobs. Follows Kubernetes' job strategy and ValidateJob. */
import { notNegative, selectsLabels } from '../../apps/v1/replicas.ts';
import { defaultPodTemplate, validatePodTemplate } from '../../core/v1/pod-template.ts';
import { immutable, invalidValue, notSupported, requiredValue } from '../../field-errors.ts';
import { validateSelector } from '../../meta/validation.ts';
import { withoutStatusOnCreate } from '../../prepare.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';
import type { Job } from './job.ts';

/** Labels of a job's pods. https://kubernetes.io/docs/reference/labels-annotations-taints/#batchkubernetesio-controller-uid */
const UID_LABEL = 'batch.kubernetes.io/controller-uid';
const NAME_LABEL = 'batch.kubernetes.io/job-name';
/** The same before they had a prefix; tools still look for these. */
const OLD_UID_LABEL = 'controller-uid';
const OLD_NAME_LABEL = 'job-name';

/** Failed pods after which a job has failed. */
const BACKOFF_LIMIT = 6;
const COUNTS = [
  'parallelism',
  'completions',
  'activeDeadlineSeconds',
  'backoffLimit',
  'ttlSecondsAfterFinished',
] as const;
const RESTART_POLICIES = ['OnFailure', 'Never'];
const REPLACEMENT_POLICIES = ['Failed', 'TerminatingOrFailed'];

export function defaultJob(job: Job): Job {
  const { spec } = job;
  const isSingle = spec.completions === undefined && spec.parallelism === undefined;
  return {
    ...job,
    spec: {
      ...spec,
      ...(isSingle ? { completions: 1 } : {}),
      parallelism: spec.parallelism ?? 1,
      backoffLimit: spec.backoffLimit ?? BACKOFF_LIMIT,
      completionMode: spec.completionMode || 'NonIndexed',
      suspend: spec.suspend ?? false,
      podReplacementPolicy: spec.podReplacementPolicy || 'TerminatingOrFailed',
      template: defaultPodTemplate(spec.template),
    },
  };
}

/** A new job gets a selector that selects only its own pods, and they the labels for it. */
export function prepareJob(given: Job, old: Job | undefined): Job {
  const job = withoutStatusOnCreate(given, old);
  const { metadata, spec } = job;
  if (old !== undefined || spec.manualSelector === true) return job;
  const { uid = '', name = '' } = metadata;
  const own = { [UID_LABEL]: uid, [NAME_LABEL]: name, [OLD_UID_LABEL]: uid, [OLD_NAME_LABEL]: name };
  const { template } = spec;
  const labels = { ...template.metadata?.labels, ...own };
  return {
    ...job,
    metadata: { ...metadata, labels: metadata.labels ?? labels },
    spec: {
      ...spec,
      selector: { ...spec.selector, matchLabels: { ...spec.selector?.matchLabels, [UID_LABEL]: uid } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

export function validateJob({ spec }: Job, old: Job | undefined): readonly Cause[] {
  const { selector, template, completionMode, podReplacementPolicy } = spec;
  const causes: Cause[] = [
    ...COUNTS.flatMap((name) => notNegative(`spec.${name}`, spec[name])),
    ...(selector === undefined ? [requiredValue('spec.selector')] : validateSelector(selector, 'spec.selector')),
    ...validatePodTemplate(template, 'spec.template'),
    ...validateLabelsMatch(spec),
    ...validateRestartPolicy(template.spec?.restartPolicy),
  ];
  if (completionMode !== 'NonIndexed') {
    causes.push(notSupported('spec.completionMode', completionMode, ['NonIndexed']));
  }
  if (podReplacementPolicy !== undefined && !REPLACEMENT_POLICIES.includes(podReplacementPolicy)) {
    causes.push(notSupported('spec.podReplacementPolicy', podReplacementPolicy, REPLACEMENT_POLICIES));
  }
  return old === undefined ? causes : [...causes, ...validateChange(spec, old.spec)];
}

function validateLabelsMatch({ selector, template }: Job['spec']): readonly Cause[] {
  const { labels = {} } = template.metadata ?? {};
  if (selector === undefined || selectsLabels(selector)(labels)) return [];
  const why = '`selector` does not match template `labels`';
  return [invalidValue('spec.template.metadata.labels', labels, why)];
}

/** A job whose pods were always started again would never end. */
function validateRestartPolicy(policy: string | undefined): readonly Cause[] {
  if (policy !== undefined && RESTART_POLICIES.includes(policy)) return [];
  return [requiredValue('spec.template.spec.restartPolicy', 'valid values: "OnFailure", "Never"')];
}

function validateChange(spec: Job['spec'], old: Job['spec']): readonly Cause[] {
  const fixed = ['completions', 'selector', 'template', 'completionMode'] as const;
  return fixed
    .filter((name) => !sameValue(JSON.parse(JSON.stringify(spec[name] ?? null)), old[name] ?? null))
    .map((name) => immutable(`spec.${name}`, spec[name]));
}
