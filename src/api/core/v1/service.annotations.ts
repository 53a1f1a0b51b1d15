/** Annotations of Services that mean something, and that an API server therefore checks. */
import { cidrMistake } from '../../addresses.ts';
import { forbidden, invalidValue } from '../../field-errors.ts';
import { mistakeIn } from '../../meta/validation.ts';
import type { Cause } from '../../status.ts';
import type { Service } from './service.ts';

export const TOPOLOGY_MODE = 'service.kubernetes.io/topology-mode';
/** The name that {@link TOPOLOGY_MODE} had. */
export const TOPOLOGY_AWARE_HINTS = 'service.kubernetes.io/topology-aware-hints';
/** What clients of a load balancer could be limited with before `spec.loadBalancerSourceRanges`. */
const SOURCE_RANGES = 'service.beta.kubernetes.io/load-balancer-source-ranges';

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
  const ranges = metadata.annotations?.[SOURCE_RANGES];
  if (ranges === undefined || (spec.loadBalancerSourceRanges ?? []).length > 0) return [];
  const field = at(SOURCE_RANGES);
  const texts = ranges.trim() === '' ? [] : ranges.split(',').map((text) => text.trim());
  return [
    ...(spec.type === 'LoadBalancer' ? [] : [forbidden(field, "may only be used when `type` is 'LoadBalancer'")]),
    ...texts.flatMap((text) => mistakeIn(field, text, cidrMistake(text))),
  ];
}
