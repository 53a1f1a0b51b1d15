/** Mistakes in L2Advertisements. */
import { invalidValue } from '../../field-errors.ts';
import { duplicates, mistakeIn, validateSelector } from '../../meta/validation.ts';
import { dnsSubdomainMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import type { L2Advertisement, PreferredNodeSelector } from './l2advertisement.ts';
import { validateSelectors } from './selectors.validation.ts';

const WEIGHT = { least: 1, most: 100 };

export function validateL2Advertisement({ spec = {} }: L2Advertisement): readonly Cause[] {
  const { ipAddressPools = [], preferredNodeSelectors = [], interfaces = [] } = spec;
  return [
    ...ipAddressPools.flatMap((name, i) => mistakeIn(`spec.ipAddressPools[${i}]`, name, dnsSubdomainMistake(name))),
    ...duplicates(
      ipAddressPools,
      (name) => name,
      (i) => `spec.ipAddressPools[${i}]`,
    ),
    ...validateSelectors(spec.ipAddressPoolSelectors, 'spec.ipAddressPoolSelectors'),
    ...validateSelectors(spec.nodeSelectors, 'spec.nodeSelectors'),
    ...preferredNodeSelectors.flatMap((each, i) => validatePreferred(each, `spec.preferredNodeSelectors[${i}]`)),
    ...interfaces.flatMap((name, i) => mistakeIn(`spec.interfaces[${i}]`, name, interfaceMistake(name))),
    ...validateSelectors(spec.serviceSelectors, 'spec.serviceSelectors'),
  ];
}

function validatePreferred({ weight, preference }: PreferredNodeSelector, at: string): readonly Cause[] {
  const isInRange = weight >= WEIGHT.least && weight <= WEIGHT.most;
  const range = `must be between ${WEIGHT.least} and ${WEIGHT.most}, inclusive`;
  return [
    ...(isInRange ? [] : [invalidValue(`${at}.weight`, weight, range)]),
    ...validateSelector(preference, `${at}.preference`),
  ];
}

/** Linux's rules for names of network interfaces: dev_valid_name of net/core/dev.c. */
function interfaceMistake(name: string): string | undefined {
  if (/^[^\s/:]{1,15}$/.test(name) && name !== '.' && name !== '..') return undefined;
  return "must be the name of a network interface: 1 to 15 characters without spaces, '/' and ':'";
}
