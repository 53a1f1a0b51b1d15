/** Admissions as elements of sets whose keys are destination, protocol, port and, where not anyone may come, a prefix of sources; and back. */
import { bits, type IPFamily, ipBytes, lastIP, mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import type { Atom } from '../../netfilter/model.ts';
import { PROTOCOL_NUMBERS } from '../../netfilter/set-fields.ts';
import type { Admission, Destination } from '../backend.ts';
import type { Audience } from '../ruleset/model.ts';
import { EVERYWHERE } from '../ruleset/prefixes.ts';

/** One element: something is so of one address and port, for anyone or for those of one prefix. */
export interface Entry extends Destination {
  /** Canonical, with its length: `192.0.2.1/32`. Undefined: anyone. */
  readonly source?: string;
}

export const entryKey = (one: Entry): string => `${one.address} ${one.protocol} ${one.port} ${one.source ?? ''}`;
export const audienceOf = ({ source }: Entry): Audience => (source === undefined ? 'anyone' : 'named');

/** What stands in sets for an admission. Nothing where nobody may come, and for what is enforced. */
export function entriesOf({ family, address, protocol, port, sources, policy }: Admission): readonly Entry[] {
  if (policy !== 'managed') return [];
  const entry = { family, address, protocol, port };
  if (sources === undefined || sources.includes(EVERYWHERE[family])) return [entry];
  return sources.map((source) => ({ ...entry, source }));
}

/** Undefined for what is no such element. `key` is as the kernel's decoder tells it. */
export function entryOf(family: IPFamily, [address, protocol, port, source]: readonly Atom[]): Entry | undefined {
  if (typeof address !== 'string' || typeof port !== 'number') return undefined;
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return undefined;
  const entry: Entry = { family, address, protocol, port };
  if (typeof source !== 'string') return entry;
  return { ...entry, source: source.includes('/') ? source : `${source}/${bits(family)}` };
}

/** An element's key as data, such as goes into a table together with its layout. */
export function entryAtoms({ address, protocol, port, source }: Entry): readonly Atom[] {
  return [address, protocol, port, ...(source === undefined ? [] : [source])];
}

/** An element's key as it stands in messages, each part at a multiple of four bytes; and where it is a range, its last one. */
export function entryKeys({ address, protocol, port, source }: Entry): readonly [Uint8Array, Uint8Array?] {
  const service = [PROTOCOL_NUMBERS[protocol] ?? 0, 0, 0, 0, port >>> 8, port & 0xff, 0, 0];
  const to = [...ipBytes(mustParseIP(address)), ...service];
  if (source === undefined) return [Uint8Array.from(to)];
  const cidr = mustParseCIDR(source);
  return [Uint8Array.from([...to, ...ipBytes(cidr.base)]), Uint8Array.from([...to, ...ipBytes(lastIP(cidr))])];
}
