/** Admissions as elements of sets whose keys are destination, protocol, port and a prefix of sources; and back. */
import { bits, type IPFamily, ipBytes, lastIP, mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import type { Atom } from '../../netfilter/model.ts';
import { PROTOCOL_NUMBERS } from '../../netfilter/set-fields.ts';
import { type Admission, admissionKey, type Policy } from '../backend.ts';

/** One element: those of one prefix may come to one address and port. */
export interface Entry {
  readonly family: IPFamily;
  readonly address: string;
  readonly protocol: Admission['protocol'];
  readonly port: number;
  /** Canonical, with its length: `192.0.2.1/32`. */
  readonly source: string;
}

const EVERYWHERE: Readonly<Record<IPFamily, string>> = { IPv4: '0.0.0.0/0', IPv6: '::/0' };

export const entryKey = (one: Entry): string => `${one.address} ${one.protocol} ${one.port} ${one.source}`;

/** What stands in sets for an admission: nothing, where nobody may come. */
export function entriesOf({ family, address, protocol, port, sources }: Admission): readonly Entry[] {
  const prefixes = sources ?? [EVERYWHERE[family]];
  return prefixes.map((source) => ({ family, address, protocol, port, source }));
}

/** The admissions whose entries these are. */
export function admissionsOf(entries: Iterable<Entry>, policy: Policy): readonly Admission[] {
  const found = new Map<string, Admission & { readonly sources: string[] }>();
  for (const { family, address, protocol, port, source } of entries) {
    const one = { family, address, protocol, port, policy, sources: [] as string[] };
    const key = admissionKey(one);
    const known = found.get(key) ?? one;
    known.sources.push(source);
    found.set(key, known);
  }
  return [...found.values()].map(({ sources, ...one }) =>
    sources.includes(EVERYWHERE[one.family]) ? one : { ...one, sources: sources.sort() },
  );
}

/** Undefined for what is no such element. `key` is as the kernel's decoder tells it. */
export function entryOf(family: IPFamily, [address, protocol, port, source]: readonly Atom[]): Entry | undefined {
  if (typeof address !== 'string' || typeof port !== 'number' || typeof source !== 'string') return undefined;
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return undefined;
  const prefix = source.includes('/') ? source : `${source}/${bits(family)}`;
  return { family, address, protocol, port, source: prefix };
}

/** The first and the last key of an entry's range, as they stand in messages: each part at a multiple of four bytes. */
export function entryRange({ address, protocol, port, source }: Entry): readonly [Uint8Array, Uint8Array] {
  const cidr = mustParseCIDR(source);
  const destination = ipBytes(mustParseIP(address));
  const service = Uint8Array.of(PROTOCOL_NUMBERS[protocol] ?? 0, 0, 0, 0, port >>> 8, port & 0xff, 0, 0);
  const key = (from: Uint8Array) => Uint8Array.from([...destination, ...service, ...from]);
  return [key(ipBytes(cidr.base)), key(ipBytes(lastIP(cidr)))];
}
