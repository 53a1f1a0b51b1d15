/** Annotations of Services that several parts read, and the checks of those that an API server checks. */
import { cidrMistake } from '../../addresses.ts';
import { forbidden, invalidValue } from '../../field-errors.ts';
import { mistakeIn } from '../../meta/validation.ts';
import type { Cause } from '../../status.ts';
import type { Service } from './service.ts';

export const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
/** The name that {@link TOPOLOGY_MODE} had. */
export const TOPOLOGY_AWARE_HINTS = 'service.kubernetes.io/topology-aware-hints';
/** What clients of a load balancer could be limited with before `spec.loadBalancerSourceRanges`. */
export const SOURCE_RANGES_ANNOTATION = 'service.beta.kubernetes.io/load-balancer-source-ranges';
/** `managed`, `enforce` or `none`: what becomes of its ports in the firewalls of nodes. With `none` clouds open no node port either. */
export const FIREWALL_ANNOTATION = 'postern.dev/firewall';

const at = (annotation: string): string => `metadata.annotations[${annotation}]`;

export function validateServiceAnnotations(service: Service): readonly Cause[] {
  return [...validateTopology(service), ...validateSourceRanges(service)];
}

function validateTopology({ metadata: { annotations = {} } }: Service): readonly Cause[] {
  const { [TOPOLOGY_MODE]: mode, [TOPOLOGY_AWARE_HINTS]: hints } = annotations;
  if (mode === undefined || hints === undefined || mode === hints) return [];
  const why = `must match annotations[${TOPOLOGY_AWARE_HINTS}] when both are specified`;
  return [invalidValue(at(TOPOLOGY_MODE), mode, why)];
}

/** The field counts when there are both. */
function validateSourceRanges({ metadata, spec = {} }: Service): readonly Cause[] {
  const ranges = metadata.annotations?.[SOURCE_RANGES_ANNOTATION];
  if (ranges === undefined || (spec.loadBalancerSourceRanges ?? []).length > 0) return [];
  const field = at(SOURCE_RANGES_ANNOTATION);
  const texts = ranges.trim() === '' ? [] : ranges.split(',').map((text) => text.trim());
  return [
    ...(spec.type === 'LoadBalancer' ? [] : [forbidden(field, "may only be used when `type` is 'LoadBalancer'")]),
    ...texts.flatMap((text) => mistakeIn(field, text, cidrMistake(text))),
  ];
}
