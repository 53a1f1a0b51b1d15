/** Mistakes in IPAddressPools: each entry must be a prefix or a range of one family, and no two may share an address. */
import { type AddressRange, overlapsOf, rangesOverlap, readAddressRange } from '../../../lib/address-range.ts';
import { lastIP, mustParseCIDR } from '../../../lib/ip.ts';
import { invalidValue, requiredValue, tooMany } from '../../field-errors.ts';
import { duplicates, mistakeIn } from '../../meta/validation.ts';
import { dnsLabelMistake } from '../../names.ts';
import type { Cause } from '../../status.ts';
import type { IPAddressPool } from './ipaddresspool.ts';
import { validateSelectors } from './selectors.validation.ts';

type ServiceAllocation = NonNullable<IPAddressPool['spec']['serviceAllocation']>;

/** More than anybody has, and few enough to be compared while others wait. */
const RANGES_MAX = 10_000;

export function defaultIPAddressPool(pool: IPAddressPool): IPAddressPool {
  const { autoAssign = true, avoidBuggyIPs = false } = pool.spec;
  return { ...pool, spec: { ...pool.spec, autoAssign, avoidBuggyIPs } };
}

export function validateIPAddressPool({ spec }: IPAddressPool): readonly Cause[] {
  const { addresses, serviceAllocation } = spec;
  return [
    ...validateAddresses(addresses),
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

/** A range and where it stands. */
interface Entry extends AddressRange {
  readonly i: number;
  readonly text: string;
}

function validateAddresses(addresses: readonly string[]): readonly Cause[] {
  if (addresses.length === 0) return [requiredValue('spec.addresses', 'a pool needs at least one CIDR or range')];
  if (addresses.length > RANGES_MAX) return [tooMany('spec.addresses', addresses.length, RANGES_MAX)];
  const causes = new Map<number, Cause>();
  const entries: Entry[] = [];
  addresses.forEach((text, i) => {
    const range = readAddressRange(text);
    const mistake = typeof range === 'string' ? range : unusable(range);
    if (mistake !== undefined) causes.set(i, invalidValue(`spec.addresses[${i}]`, text, mistake));
    if (typeof range !== 'string') entries.push({ ...range, i, text });
  });
  for (const pair of overlapsOf(entries)) {
    const [other, { i, text }] = pair[0].i < pair[1].i ? pair : [pair[1], pair[0]];
    if (causes.has(i)) continue;
    causes.set(i, invalidValue(`spec.addresses[${i}]`, text, `overlaps with ${other.text} of the same pool`));
  }
  return addresses.flatMap((_, i) => causes.get(i) ?? []);
}

/** Addresses that no host on a LAN can have. https://www.rfc-editor.org/rfc/rfc6890 */
const UNUSABLE = (
  [
    ['0.0.0.0/8', 'addresses that mean this host'],
    ['127.0.0.0/8', 'loopback addresses'],
    ['224.0.0.0/4', 'multicast addresses'],
    ['255.255.255.255/32', 'the broadcast address'],
    ['::/127', 'the unspecified or the loopback address'],
    ['::ffff:0:0/96', 'IPv4 addresses written as IPv6'],
    ['ff00::/8', 'multicast addresses'],
  ] as const
).map(([text, what]) => {
  const cidr = mustParseCIDR(text);
  return { first: cidr.base, last: lastIP(cidr), text, what };
});

function unusable(range: AddressRange): string | undefined {
  const found = UNUSABLE.find((each) => rangesOverlap(each, range));
  return found && `holds ${found.what} (${found.text}), which no Service can have on a LAN`;
}
