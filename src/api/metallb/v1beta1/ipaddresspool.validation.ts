/** Mistakes in IPAddressPools: each entry must be a prefix or a range of one family, and no two may share an address. */
import { type AddressRange, rangesOverlap, readAddressRange } from '../../../lib/address-range.ts';
import { invalidValue, requiredValue } from '../../field-errors.ts';
import { duplicates, mistakeIn } from '../../meta/validation.ts';
import { dnsLabelMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import type { IPAddressPool } from './ipaddresspool.ts';
import { validateSelectors } from './selectors.validation.ts';

type ServiceAllocation = NonNullable<IPAddressPool['spec']['serviceAllocation']>;

export function defaultIPAddressPool(pool: IPAddressPool): IPAddressPool {
  const { autoAssign = true, avoidBuggyIPs = false } = pool.spec;
  return { ...pool, spec: { ...pool.spec, autoAssign, avoidBuggyIPs } };
}

export function validateIPAddressPool({ spec }: IPAddressPool): readonly Cause[] {
  const { addresses, serviceAllocation } = spec;
  return [
    ...(addresses.length === 0
      ? [requiredValue('spec.addresses', 'a pool needs at least one CIDR or range')]
      : validateAddresses(addresses)),
    ...(serviceAllocation === undefined ? [] : validateAllocation(serviceAllocation, 'spec.serviceAllocation')),
  ];
}

function validateAllocation(allocation: ServiceAllocation, at: string): readonly Cause[] {
  const { priority = 0, namespaces = [], namespaceSelectors, serviceSelectors } = allocation;
  const order = 'must be greater than or equal to 0: 1 is asked first, and 0, as no priority, last';
  return [
    ...(priority < 0 ? [invalidValue(`${at}.priority`, priority, order)] : []),
    ...namespaces.flatMap((name, i) => mistakeIn(`${at}.namespaces[${i}]`, name, dnsLabelMistake(name))),
    ...duplicates(
      namespaces,
      (name) => name,
      (i) => `${at}.namespaces[${i}]`,
    ),
    ...validateSelectors(namespaceSelectors, `${at}.namespaceSelectors`),
    ...validateSelectors(serviceSelectors, `${at}.serviceSelectors`),
  ];
}

function validateAddresses(addresses: readonly string[]): readonly Cause[] {
  const causes: Cause[] = [];
  const known: (AddressRange & { readonly text: string })[] = [];
  addresses.forEach((text, i) => {
    const field = `spec.addresses[${i}]`;
    const range = readAddressRange(text);
    if (typeof range === 'string') {
      causes.push(invalidValue(field, text, range));
      return;
    }
    const other = known.find((candidate) => rangesOverlap(candidate, range));
    if (other !== undefined) causes.push(invalidValue(field, text, `overlaps with ${other.text} of the same pool`));
    known.push({ ...range, text });
  });
  return causes;
}
