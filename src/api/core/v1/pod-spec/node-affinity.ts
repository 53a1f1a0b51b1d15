/** Mistakes in how nodes are chosen by their labels and names. */
import { forbidden, invalidValue, requiredValue } from '../../../field-errors.ts';
import { mistakeIn } from '../../../meta/validation.ts';
import { dnsSubdomainMistake, labelKeyMistake, labelValueMistake } from '../../../names.ts';
import type { Cause } from '../../../status.ts';
import type { NodeSelectorTerm } from '../pod-placement.ts';
import type { PodSpec } from '../pod-spec.ts';

type NodeAffinity = NonNullable<NonNullable<PodSpec['affinity']>['nodeAffinity']>;
type Requirement = NonNullable<NodeSelectorTerm['matchExpressions']>[number];

const BAD_OPERATOR = 'not a valid selector operator';

export function validateNodeAffinity(affinity: NodeAffinity, at: string): readonly Cause[] {
  const {
    requiredDuringSchedulingIgnoredDuringExecution: needed,
    preferredDuringSchedulingIgnoredDuringExecution: preferred = [],
  } = affinity;
  return [
    ...(needed === undefined
      ? []
      : validateTerms(needed.nodeSelectorTerms, `${at}.requiredDuringSchedulingIgnoredDuringExecution`)),
    ...preferred.flatMap(({ weight, preference }, i) => {
      const field = `${at}.preferredDuringSchedulingIgnoredDuringExecution[${i}]`;
      return [...validateWeight(weight, `${field}.weight`), ...validateTerm(preference, `${field}.preference`)];
    }),
  ];
}

/** How much a preference counts. */
export function validateWeight(weight: number, field: string): readonly Cause[] {
  return weight >= 1 && weight <= 100 ? [] : [invalidValue(field, weight, 'must be in the range 1-100')];
}

function validateTerms(terms: readonly NodeSelectorTerm[], at: string): readonly Cause[] {
  const field = `${at}.nodeSelectorTerms`;
  if (terms.length === 0) return [requiredValue(field, 'must have at least one node selector term')];
  return terms.flatMap((term, i) => validateTerm(term, `${field}[${i}]`));
}

function validateTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm, at: string): readonly Cause[] {
  return [
    ...matchExpressions.flatMap((requirement, i) => validateLabel(requirement, `${at}.matchExpressions[${i}]`)),
    ...matchFields.flatMap((requirement, i) => validateField(requirement, `${at}.matchFields[${i}]`)),
  ];
}

function validateLabel({ key, operator, values = [] }: Requirement, at: string): readonly Cause[] {
  const causes: Cause[] = [...mistakeIn(`${at}.key`, key, labelKeyMistake(key))];
  const field = `${at}.values`;
  switch (operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        causes.push(requiredValue(field, "must be specified when `operator` is 'In' or 'NotIn'"));
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        causes.push(forbidden(field, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      }
      break;
    case 'Gt':
    case 'Lt':
      if (values.length !== 1) {
        causes.push(requiredValue(field, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      }
      break;
    default:
      causes.push(invalidValue(`${at}.operator`, operator, BAD_OPERATOR));
  }
  return [...causes, ...values.flatMap((value, i) => mistakeIn(`${field}[${i}]`, value, labelValueMistake(value)))];
}

/** Only a node's name can be asked for, and only one. */
function validateField({ key, operator, values = [] }: Requirement, at: string): readonly Cause[] {
  if (key !== 'metadata.name') return [invalidValue(`${at}.key`, key, 'not a valid field selector key')];
  if (operator !== 'In' && operator !== 'NotIn') return [invalidValue(`${at}.operator`, operator, BAD_OPERATOR)];
  if (values.length !== 1) {
    return [
      requiredValue(
        `${at}.values`,
        "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
      ),
    ];
  }
  return values.flatMap((value, i) => mistakeIn(`${at}.values[${i}]`, value, dnsSubdomainMistake(value)));
}
