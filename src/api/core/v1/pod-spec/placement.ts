/** Mistakes in what a pod says of the nodes that it may run on. */
import { duplicateValue, invalidValue, notSupported, requiredValue } from '../../../field-errors.ts';
import { mistakeIn, validateSelector } from '../../../meta/validation.ts';
import { dnsLabelMistake, labelKeyMistake, labelValueMistake } from '../../../names.ts';
import type { Cause } from '../../../status.ts';
import type { PodAffinityTerm, Toleration, TopologySpreadConstraint } from '../pod-placement.ts';
import type { PodSpec } from '../pod-spec.ts';
import { validateNodeAffinity, validateWeight } from './node-affinity.ts';

type PodAffinity = NonNullable<NonNullable<PodSpec['affinity']>['podAffinity']>;

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];
const OPERATORS = ['Equal', 'Exists'];
const UNSATISFIABLE = ['DoNotSchedule', 'ScheduleAnyway'];
const INCLUSIONS = ['Honor', 'Ignore'];
const EMPTY = 'can not be empty';
const NOT_POSITIVE = 'must be greater than zero';

export function validatePlacement(spec: PodSpec, field: string): readonly Cause[] {
  const { affinity = {}, tolerations = [], topologySpreadConstraints = [] } = spec;
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  const at = `${field}.affinity`;
  return [
    ...(nodeAffinity === undefined ? [] : validateNodeAffinity(nodeAffinity, `${at}.nodeAffinity`)),
    ...(podAffinity === undefined ? [] : validatePodAffinity(podAffinity, `${at}.podAffinity`)),
    ...(podAntiAffinity === undefined ? [] : validatePodAffinity(podAntiAffinity, `${at}.podAntiAffinity`)),
    ...validateTolerations(tolerations, `${field}.tolerations`),
    ...validateSpread(topologySpreadConstraints, `${field}.topologySpreadConstraints`),
  ];
}

function validatePodAffinity(affinity: PodAffinity, at: string): readonly Cause[] {
  const {
    requiredDuringSchedulingIgnoredDuringExecution: needed = [],
    preferredDuringSchedulingIgnoredDuringExecution: preferred = [],
  } = affinity;
  return [
    ...needed.flatMap((term, i) => validatePodTerm(term, `${at}.requiredDuringSchedulingIgnoredDuringExecution[${i}]`)),
    ...preferred.flatMap(({ weight, podAffinityTerm }, i) => {
      const field = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
      return [
        ...validateWeight(weight, `${field}.weight`),
        ...validatePodTerm(podAffinityTerm, `${field}.podAffinityTerm`),
      ];
    }),
  ];
}

function validatePodTerm(term: PodAffinityTerm, at: string): readonly Cause[] {
  const { labelSelector, namespaceSelector, namespaces = [], topologyKey } = term;
  return [
    ...(labelSelector === undefined ? [] : validateSelector(labelSelector, `${at}.labelSelector`)),
    ...(namespaceSelector === undefined ? [] : validateSelector(namespaceSelector, `${at}.namespaceSelector`)),
    ...namespaces.flatMap((name, i) => mistakeIn(`${at}.namespaces[${i}]`, name, dnsLabelMistake(name))),
    ...validateTopologyKey(topologyKey, `${at}.topologyKey`),
  ];
}

function validateTopologyKey(key: string, field: string): readonly Cause[] {
  return key === '' ? [requiredValue(field, EMPTY)] : mistakeIn(field, key, labelKeyMistake(key));
}

/** Mistakes in tolerations: https://kubernetes.io/docs/concepts/scheduling-eviction/taint-and-toleration/ */
function validateTolerations(tolerations: readonly Toleration[], field: string): readonly Cause[] {
  return tolerations.flatMap((toleration, i) => {
    const at = `${field}[${i}]`;
    const { key = '', operator = '', effect = '', tolerationSeconds } = toleration;
    const causes: Cause[] = key === '' ? [] : [...mistakeIn(`${at}.key`, key, labelKeyMistake(key))];
    if (key === '' && operator !== 'Exists') {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      causes.push(invalidValue(`${at}.operator`, operator, why));
    }
    if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
      const why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
      causes.push(invalidValue(`${at}.effect`, effect, why));
    }
    if (effect !== '' && !EFFECTS.includes(effect)) causes.push(notSupported(`${at}.effect`, effect, EFFECTS));
    return [...causes, ...validateOperator(toleration, at)];
  });
}

function validateOperator(toleration: Toleration, at: string): readonly Cause[] {
  const { operator = '', value = '' } = toleration;
  if (operator === '' || operator === 'Equal') return mistakeIn(`${at}.operator`, value, labelValueMistake(value));
  if (operator !== 'Exists') return [notSupported(`${at}.operator`, operator, OPERATORS)];
  const why = "value must be empty when `operator` is 'Exists'";
  return value === '' ? [] : [invalidValue(`${at}.operator`, toleration, why)];
}

function validateSpread(constraints: readonly TopologySpreadConstraint[], field: string): readonly Cause[] {
  const seen = new Set<string>();
  return constraints.flatMap((constraint, i) => {
    const at = `${field}[${i}]`;
    const { topologyKey, whenUnsatisfiable } = constraint;
    const pair = `{${topologyKey}, ${whenUnsatisfiable}}`;
    const causes = [...validateConstraint(constraint, at)];
    if (seen.has(pair)) causes.push(duplicateValue(`${at}.{topologyKey, whenUnsatisfiable}`, pair));
    seen.add(pair);
    return causes;
  });
}

function validateConstraint(constraint: TopologySpreadConstraint, at: string): readonly Cause[] {
  const { maxSkew, topologyKey, whenUnsatisfiable, labelSelector, minDomains } = constraint;
  const causes: Cause[] = [...validateTopologyKey(topologyKey, `${at}.topologyKey`)];
  if (maxSkew <= 0) causes.push(invalidValue(`${at}.maxSkew`, maxSkew, NOT_POSITIVE));
  if (!UNSATISFIABLE.includes(whenUnsatisfiable)) {
    causes.push(notSupported(`${at}.whenUnsatisfiable`, whenUnsatisfiable, UNSATISFIABLE));
  }
  if (minDomains !== undefined && minDomains <= 0) {
    causes.push(invalidValue(`${at}.minDomains`, minDomains, NOT_POSITIVE));
  } else if (minDomains !== undefined && whenUnsatisfiable !== 'DoNotSchedule') {
    const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable}`;
    causes.push(invalidValue(`${at}.minDomains`, minDomains, why));
  }
  for (const name of ['nodeAffinityPolicy', 'nodeTaintsPolicy'] as const) {
    const policy = constraint[name];
    if (policy !== undefined && !INCLUSIONS.includes(policy)) {
      causes.push(notSupported(`${at}.${name}`, policy, INCLUSIONS));
    }
  }
  const selector = labelSelector === undefined ? [] : validateSelector(labelSelector, `${at}.labelSelector`);
  return [...causes, ...selector];
}
