/** Admissions as elements of sets whose keys are destination, protocol, port and, where not anyone may come, a prefix of sources; and back. */
import { bits, type IPFamily, ipBytes, lastIP, mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import type { Atom } from '../../netfilter/model.ts';
import { PROTOCOL_NUMBERS } from '../../netfilter/set-fields.ts';
import { type Admission, admissionKey } from '../backend.ts';
import type { Audience } from '../ruleset/model.ts';

/** One element: anyone, or those of one prefix, may come to one address and port. */
export interface Entry {
  readonly family: IPFamily;
  readonly address: string;
  readonly protocol: Admission['protocol'];
  readonly port: number;
  /** Canonical, with its length: `192.0.2.1/32`. Undefined: anyone. */
  readonly source?: string;
}

const EVERYWHERE: Readonly<Record<IPFamily, string>> = { IPv4: '0.0.0.0/0', IPv6: '::/0' };

export const entryKey = (one: Entry): string => `${one.address} ${one.protocol} ${one.port} ${one.source ?? ''}`;
export const audienceOf = ({ source }: Entry): Audience => (source === undefined ? 'anyone' : 'named');

/** What stands in sets for an admission: nothing, where nobody may come. */
export function entriesOf({ family, address, protocol, port, sources }: Admission): readonly Entry[] {
  const entry = { family, address, protocol, port };
  if (sources === undefined || sources.includes(EVERYWHERE[family])) return [entry];
  return sources.map((source) => ({ ...entry, source }));
}

/** The admissions whose entries these are. */
export function admissionsOf(entries: Iterable<Entry>): readonly Admission[] {
  const found = new Map<string, Admission & { readonly sources?: string[] }>();
  for (const { source, ...to } of entries) {
    const one = { ...to, policy: 'managed' } as const;
    const key = admissionKey(one);
    const known = found.get(key);
    if (source === undefined) found.set(key, one);
    else if (known === undefined) found.set(key, { ...one, sources: [source] });
    else known.sources?.push(source); // Of one that is open to anyone, the rest says nothing.
  }
  return [...found.values()].map((one) => (one.sources === undefined ? one : { ...one, sources: one.sources.sort() }));
}

/** Undefined for what is no such element. `key` is as the kernel's decoder tells it. */
export function entryOf(family: IPFamily, [address, protocol, port, source]: readonly Atom[]): Entry | undefined {
  if (typeof address !== 'string' || typeof port !== 'number') return undefined;
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return undefined;
  const entry: Entry = { family, address, protocol, port };
  if (typeof source !== 'string') return entry;
  return { ...entry, source: source.includes('/') ? source : `${source}/${bits(family)}` };
}

/** An element's key as it stands in messages, each part at a multiple of four bytes; and where it is a range, its last one. */
export function entryKeys({ address, protocol, port, source }: Entry): readonly [Uint8Array, Uint8Array?] {
  const service = [PROTOCOL_NUMBERS[protocol] ?? 0, 0, 0, 0, port >>> 8, port & 0xff, 0, 0];
  const to = [...ipBytes(mustParseIP(address)), ...service];
  if (source === undefined) return [Uint8Array.from(to)];
  const cidr = mustParseCIDR(source);
  return [Uint8Array.from([...to, ...ipBytes(cidr.base)]), Uint8Array.from([...to, ...ipBytes(lastIP(cidr))])];
}
