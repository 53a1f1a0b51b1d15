/** Preparation and validation of Nodes. Follows Kubernetes' node strategy. */
import { familyOf } from '../../../lib/ip.ts';
import { cidrMistake } from '../../addresses.ts';
import { duplicateValue, forbidden, invalidValue, notSupported } from '../../field-errors.ts';
import { mistakeIn } from '../../meta/validation.ts';
import { labelKeyMistake, labelValueMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import { sameValue } from '../../value.ts';
import type { Node } from './node.ts';

type Spec = NonNullable<Node['spec']>;

const EFFECTS = ['NoExecute', 'NoSchedule', 'PreferNoSchedule'];

/** podCIDR is the first of podCIDRs; whoever knows only one of the two fields gets the other filled in. */
export function prepareNode(node: Node): Node {
  const { podCIDR, podCIDRs = [] } = node.spec ?? {};
  if (podCIDR === undefined && podCIDRs[0] !== undefined)
    return { ...node, spec: { ...node.spec, podCIDR: podCIDRs[0] } };
  if (podCIDR !== undefined && podCIDRs.length === 0) return { ...node, spec: { ...node.spec, podCIDRs: [podCIDR] } };
  return node;
}

export function validateNode(node: Node, old: Node | undefined): readonly Cause[] {
  const spec = node.spec ?? {};
  return [
    ...validatePodCIDRs(spec),
    ...validateTaints(spec),
    ...(old === undefined ? [] : validateUpdate(spec, old.spec ?? {})),
  ];
}

function validatePodCIDRs({ podCIDR, podCIDRs = [] }: Spec): readonly Cause[] {
  const causes = podCIDRs.flatMap((cidr, i) => mistakeIn(`spec.podCIDRs[${i}]`, cidr, cidrMistake(cidr)));
  const families = podCIDRs.map((cidr) => familyOf(cidr.split('/')[0] ?? ''));
  if (families.length > 2 || (families.length === 2 && families[0] === families[1])) {
    causes.push(invalidValue('spec.podCIDRs', podCIDRs, 'may specify no more than one CIDR for each IP family'));
  }
  if (podCIDR !== undefined && podCIDR !== podCIDRs[0]) {
    causes.push(invalidValue('spec.podCIDR', podCIDR, 'must be the first of spec.podCIDRs'));
  }
  return causes;
}

function validateTaints({ taints = [] }: Spec): readonly Cause[] {
  const seen = new Set<string>();
  return taints.flatMap(({ key, value = '', effect }, i) => {
    const at = `spec.taints[${i}]`;
    const causes = [
      ...mistakeIn(`${at}.key`, key, labelKeyMistake(key)),
      ...mistakeIn(`${at}.value`, value, labelValueMistake(value)),
    ];
    if (!EFFECTS.includes(effect)) causes.push(notSupported(`${at}.effect`, effect, EFFECTS));
    if (seen.has(`${key}:${effect}`)) causes.push(duplicateValue(at, { key, effect }));
    seen.add(`${key}:${effect}`);
    return causes;
  });
}

/** Guests have addresses of the node's prefixes: those stay as they are once given. */
function validateUpdate(spec: Spec, old: Spec): readonly Cause[] {
  if (old.podCIDRs === undefined || old.podCIDRs.length === 0 || sameValue(spec.podCIDRs, old.podCIDRs)) return [];
  return [forbidden('spec.podCIDRs', 'node updates may not change podCIDR except from "" to valid')];
}
