/** Mistakes in IPAddressPools: each entry must be a prefix or a range of one family, and no two may share an address. */
import { compareIP, type IPAddress, lastIP, parseCIDR, parseIP } from '../../../lib/ip.ts';
import { invalidValue, requiredValue } from '../../field-errors.ts';
import { mistakeIn, validateSelector } from '../../meta/validation.ts';
import { dnsLabelMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import type { IPAddressPool } from './ipaddresspool.ts';

interface Range {
  readonly first: IPAddress;
  readonly last: IPAddress;
}

const FORM = 'must be a CIDR such as 192.0.2.0/24 or 2001:db8::/112, or a range such as 192.0.2.10-192.0.2.20';

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
  const known: (Range & { readonly text: string })[] = [];
  addresses.forEach((text, i) => {
    const field = `spec.addresses[${i}]`;
    const range = readRange(text);
    if (typeof range === 'string') {
      causes.push(invalidValue(field, text, range));
      return;
    }
    const other = known.find((candidate) => overlaps(candidate, range));
    if (other !== undefined) causes.push(invalidValue(field, text, `overlaps with ${other.text} of the same pool`));
    known.push({ ...range, text });
  });
  return causes;
}

/** The range that an entry stands for, or what is wrong with it. */
function readRange(text: string): Range | string {
  const entry = text.trim();
  if (!entry.includes('-')) {
    const cidr = parseCIDR(entry);
    if (cidr !== undefined) return { first: cidr.base, last: lastIP(cidr) };
    return parseIP(entry) === undefined
      ? FORM
      : `is a single address: write ${entry}/${entry.includes(':') ? 128 : 32}`;
  }
  const [firstText = '', lastText = '', ...more] = entry.split('-').map((part) => part.trim());
  if (more.length > 0) return FORM;
  const first = parseIP(firstText);
  const last = parseIP(lastText);
  if (first === undefined) return `invalid start IP ${JSON.stringify(firstText)}; ${FORM}`;
  if (last === undefined) return `invalid end IP ${JSON.stringify(lastText)}; ${FORM}`;
  if (first.family !== last.family)
    return `starts with an ${first.family} and ends with an ${last.family} address: both must be of one family`;
  return compareIP(first, last) > 0 ? `start IP ${firstText} is after the end IP ${lastText}` : { first, last };
}

function overlaps(a: Range, b: Range): boolean {
  return a.first.family === b.first.family && compareIP(a.first, b.last) <= 0 && compareIP(b.first, a.last) <= 0;
}
