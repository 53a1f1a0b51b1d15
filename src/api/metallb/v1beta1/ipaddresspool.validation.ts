/** Mistakes in IPAddressPools: each entry must be a prefix or a range of one family, and no two may share an address. */
import { type AddressRange, rangesOverlap, readAddressRange } from '../../../lib/address-range.ts';
import { invalidValue, requiredValue } from '../../field-errors.ts';
import { mistakeIn, validateSelector } from '../../meta/validation.ts';
import { dnsLabelMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import type { IPAddressPool } from './ipaddresspool.ts';

export function defaultIPAddressPool(pool: IPAddressPool): IPAddressPool {
  const { autoAssign = true, avoidBuggyIPs = false } = pool.spec;
  return { ...pool, spec: { ...pool.spec, autoAssign, avoidBuggyIPs } };
}

export function validateIPAddressPool({ spec }: IPAddressPool): readonly Cause[] {
  const { addresses, serviceAllocation } = spec;
  if (addresses.length === 0) return [requiredValue('spec.addresses', 'a pool needs at least one CIDR or range')];
  const at = 'spec.serviceAllocation';
  return [
    ...validateAddresses(addresses),
    ...(serviceAllocation?.namespaces ?? []).flatMap((name, i) =>
      mistakeIn(`${at}.namespaces[${i}]`, name, dnsLabelMistake(name)),
    ),
    ...(['namespaceSelectors', 'serviceSelectors'] as const).flatMap((field) =>
      (serviceAllocation?.[field] ?? []).flatMap((selector, i) => validateSelector(selector, `${at}.${field}[${i}]`)),
    ),
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
