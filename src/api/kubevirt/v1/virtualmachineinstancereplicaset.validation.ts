/** Mistakes in VirtualMachineInstanceReplicaSets. Follows KubeVirt's ValidateVMIRSSpec. */
import { invalidValue } from '../../field-errors.ts';
import { validateAnnotations, validateLabels, validateSelector } from '../../meta/validation.ts';
import { matchesLabels, selectorOf } from '../../selectors.ts';
import type { Cause } from '../../status.ts';
import { validateInstanceSpec } from './instance-spec.validation.ts';
import type { VirtualMachineInstanceReplicaSet } from './virtualmachineinstancereplicaset.ts';

export function validateReplicaSet({ spec }: VirtualMachineInstanceReplicaSet): readonly Cause[] {
  const { replicas = 0, template } = spec;
  return [
    // As for every custom resource with a scale subresource.
    ...(replicas < 0 ? [invalidValue('spec.replicas', replicas, 'should be a non-negative integer')] : []),
    ...validateOwnSelector(spec),
    ...validateLabels(template.metadata?.labels, 'spec.template.metadata.labels'),
    ...validateAnnotations(template.metadata?.annotations, 'spec.template.metadata.annotations'),
    ...validateInstanceSpec(template.spec, 'spec.template.spec'),
  ];
}

function validateOwnSelector({ selector, template }: VirtualMachineInstanceReplicaSet['spec']): readonly Cause[] {
  const at = 'spec.selector';
  const causes = validateSelector(selector, at);
  if (causes.length > 0) return causes;
  const wanted = selectorOf(selector);
  // It would take over every instance of the namespace.
  if (wanted.length === 0) return [invalidValue(at, selector, 'empty selector is invalid')];
  if (matchesLabels(wanted, template.metadata?.labels)) return [];
  return [invalidValue(at, selector, 'selector does not match labels.')];
}
