/** Mistakes in the MetalLB object, and which of its fields have no effect. */
import { invalidValue } from '../../field-errors.ts';
import { mistakeIn, validateLabels } from '../../meta/validation.ts';
import { labelKeyMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import type { MetalLB } from './metallb.ts';
import { METALLB_NAME, METALLB_NAMESPACE } from './names.ts';

type Spec = NonNullable<MetalLB['spec']>;

export function validateMetalLB({ metadata, spec = {} }: MetalLB): readonly Cause[] {
  const { name = '', namespace = '' } = metadata;
  const { nodeSelector, controllerNodeSelector, loadBalancerClass } = spec;
  const one = `must be ${METALLB_NAME}: there is one MetalLB object, for the whole load balancer`;
  const where = `must be ${METALLB_NAMESPACE}: nobody looks for the MetalLB object elsewhere`;
  return [
    ...(name !== '' && name !== METALLB_NAME ? [invalidValue('metadata.name', name, one)] : []),
    ...(namespace === METALLB_NAMESPACE ? [] : [invalidValue('metadata.namespace', namespace, where)]),
    ...validateLabels(nodeSelector, 'spec.nodeSelector'),
    ...validateLabels(controllerNodeSelector, 'spec.controllerNodeSelector'),
    ...(loadBalancerClass
      ? mistakeIn('spec.loadBalancerClass', loadBalancerClass, labelKeyMistake(loadBalancerClass))
      : []),
  ];
}

/** What each field is for that nothing here answers to. */
const WITHOUT_EFFECT: Readonly<Partial<Record<keyof Spec, string>>> = {
  image: 'there are no images',
  speakerTolerations: 'announcers run in the agents of nodes and not in pods',
  controllerNodeSelector: 'the controller runs in the server and not in a pod',
  controllerTolerations: 'the controller runs in the server and not in a pod',
  controllerConfig: 'the controller runs in the server and not in a pod',
  speakerConfig: 'announcers run in the agents of nodes and not in pods',
  bgpBackend: 'layer 2 is what is supported',
  frrk8sConfig: 'layer 2 is what is supported',
  speakerGratuitousARPInterval: 'addresses are announced again when something has changed, not periodically',
};

export function metalLBWarnings({ spec = {} }: MetalLB): readonly string[] {
  return Object.entries(WITHOUT_EFFECT)
    .filter(([field]) => spec[field as keyof Spec] !== undefined)
    .map(([field, why]) => `spec.${field} has no effect: ${why}`);
}
