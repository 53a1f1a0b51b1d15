/** What kinds that keep so many pods of one template have in common. */
import { ageColumn } from '../../age.ts';
import type { PodTemplateSpec } from '../../core/v1/pod-spec.ts';
import { templateColumns } from '../../core/v1/pod-template.ts';
import { invalidValue } from '../../field-errors.ts';
import type { Column, Resource } from '../../kind.ts';
import type { LabelSelector } from '../../meta/v1.ts';
import { validateSelector } from '../../meta/validation.ts';
import { matchesLabels, printLabelSelector, selectorOf } from '../../selectors.ts';
import type { Cause } from '../../status.ts';

type Counted = Resource<{
  readonly spec: { readonly replicas?: number; readonly template: PodTemplateSpec };
  readonly status?: { readonly replicas?: number; readonly readyReplicas?: number };
}>;

/** Columns of a ReplicaSet, and of a ReplicationController; `selector` prints that of an object. */
export function replicaColumns<T extends Counted>(selector: (object: T) => string): readonly Column<T>[] {
  return [
    { name: 'Desired', type: 'integer', value: ({ spec }) => spec.replicas ?? 1 },
    { name: 'Current', type: 'integer', value: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', value: ({ status }) => status?.readyReplicas ?? 0 },
    ageColumn,
    ...templateColumns,
    { name: 'Selector', type: 'string', priority: 1, value: selector },
  ];
}

/** Kubernetes' words for a number that is below zero. */
export function notNegative(field: string, value: number | undefined): readonly Cause[] {
  return value === undefined || value >= 0 ? [] : [invalidValue(field, value, 'must be greater than or equal to 0')];
}

/** Mistakes of the selector at `spec.selector`. The empty one would take over every pod of the namespace. */
export function validateOwnSelector(selector: LabelSelector): readonly Cause[] {
  const field = 'spec.selector';
  const causes = validateSelector(selector, field);
  if (causes.length > 0 || selectorOf(selector).length > 0) return causes;
  return [invalidValue(field, selector, 'empty selector is invalid for deployment')];
}

/** Whether a selector selects labels; one that is malformed, and told of elsewhere, is taken to. */
export function selectsLabels(selector: LabelSelector): (labels: Readonly<Record<string, string>>) => boolean {
  if (validateSelector(selector, '').length > 0) return () => true;
  const requirements = selectorOf(selector);
  return (labels) => matchesLabels(requirements, labels);
}

/** A selector as its column, and the `scale` subresource, show it. */
export function printSelector(selector: LabelSelector): string {
  return printLabelSelector(selectorOf(selector)) || '<none>';
}
