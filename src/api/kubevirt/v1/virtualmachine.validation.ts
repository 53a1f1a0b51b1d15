/** Mistakes in VirtualMachines and their instances. Follows KubeVirt's admission webhooks. */
import { forbidden, invalidValue, requiredValue } from '../../field-errors.ts';
import { mistakeIn, validateAnnotations, validateLabels } from '../../meta/validation.ts';
import { labelValueMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';
import { validateInstanceSpec } from './instance-spec.validation.ts';
import type { VirtualMachine } from './virtualmachine.ts';
import type { VirtualMachineInstance } from './virtualmachineinstance.ts';

export function validateVirtualMachine({ metadata, spec }: VirtualMachine): readonly Cause[] {
  const { template } = spec;
  return [
    ...validateGuestName(metadata.name),
    ...validateStrategy(spec),
    ...validateLabels(template.metadata?.labels, 'spec.template.metadata.labels'),
    ...validateAnnotations(template.metadata?.annotations, 'spec.template.metadata.annotations'),
    ...validateInstanceSpec(template.spec, 'spec.template.spec'),
  ];
}

export function validateInstance(
  instance: VirtualMachineInstance,
  old: VirtualMachineInstance | undefined,
): readonly Cause[] {
  if (old !== undefined) {
    if (sameValue(plain(instance.spec), plain(old.spec))) return [];
    const why = 'a VirtualMachineInstance does not change: change the VirtualMachine, or make a new instance';
    return [forbidden('spec', why)];
  }
  return [...validateGuestName(instance.metadata.name), ...validateInstanceSpec(instance.spec, 'spec')];
}

function validateStrategy({ running, runStrategy }: VirtualMachine['spec']): readonly Cause[] {
  if (running !== undefined && runStrategy !== undefined) {
    const why =
      'Running and RunStrategy are mutually exclusive. Note that Running is deprecated, please use RunStrategy instead';
    return [invalidValue('spec.running', running, why)];
  }
  const missing = running === undefined && runStrategy === undefined;
  return missing ? [requiredValue('spec.runStrategy', 'One of Running or RunStrategy must be specified')] : [];
}

/** The name becomes the value of a label of the instance's pod. */
function validateGuestName(name = ''): readonly Cause[] {
  return mistakeIn('metadata.name', name, labelValueMistake(name));
}

/** As JSON has it: fields that are undefined are not there. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
