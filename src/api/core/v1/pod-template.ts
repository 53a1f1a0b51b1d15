/** Templates of pods: what replica sets, replication controllers, deployments and jobs make pods from. */
import { forbidden, invalidValue, notSupported } from '../../field-errors.ts';
import type { Column, Resource } from '../../kind.ts';
import { validateAnnotations, validateLabels } from '../../meta/validation.ts';
import type { Cause } from '../../status.ts';
import { defaultPodSpec } from './pod-spec/defaults.ts';
import { validatePodSpec } from './pod-spec/validate.ts';
import type { PodTemplateSpec } from './pod-spec.ts';

/** Fills in what a template leaves out. */
export function defaultPodTemplate(template: PodTemplateSpec): PodTemplateSpec {
  return { ...template, spec: defaultPodSpec(template.spec ?? {}) };
}

/** Mistakes of a template, which stands at `field`. */
export function validatePodTemplate(template: PodTemplateSpec, field: string): readonly Cause[] {
  return [
    ...validateLabels(template.metadata?.labels, `${field}.metadata.labels`),
    ...validateAnnotations(template.metadata?.annotations, `${field}.metadata.annotations`),
    ...validatePodSpec(template.spec ?? {}, `${field}.spec`, { template: true }),
  ];
}

/**
 * Mistakes of the template of pods that are to run for ever, and be selected. `matches` tells whether the owner's selector
 * selects labels. Follows ValidatePodTemplateSpecForReplicaSet.
 */
export function validateServingTemplate(
  template: PodTemplateSpec,
  { kind, field, matches }: { kind: string; field: string; matches: (labels: Labels) => boolean },
): readonly Cause[] {
  const { labels = {} } = template.metadata ?? {};
  const { restartPolicy, activeDeadlineSeconds } = template.spec ?? {};
  const causes = [...validatePodTemplate(template, field)];
  if (!matches(labels)) {
    const why = '`selector` does not match template `labels`';
    causes.unshift(invalidValue(`${field}.metadata.labels`, labels, why));
  }
  if (restartPolicy !== undefined && restartPolicy !== 'Always') {
    causes.push(notSupported(`${field}.spec.restartPolicy`, restartPolicy, ['Always']));
  }
  if (activeDeadlineSeconds !== undefined) {
    causes.push(forbidden(`${field}.spec.activeDeadlineSeconds`, `activeDeadlineSeconds in ${kind} is not Supported`));
  }
  return causes;
}

type Labels = Readonly<Record<string, string>>;
type WithTemplate = Resource<{ readonly spec: { readonly template: PodTemplateSpec } }>;

/** The wide columns of kinds with a template: names and images of its containers. */
export const templateColumns: readonly Column<WithTemplate>[] = [
  { name: 'Containers', type: 'string', priority: 1, value: (object) => ofContainers(object, ({ name }) => name) },
  { name: 'Images', type: 'string', priority: 1, value: (object) => ofContainers(object, ({ image = '' }) => image) },
];

type Container = NonNullable<NonNullable<PodTemplateSpec['spec']>['containers']>[number];

function ofContainers({ spec }: WithTemplate, textOf: (container: Container) => string): string {
  return (spec.template.spec?.containers ?? []).map(textOf).join(',');
}
