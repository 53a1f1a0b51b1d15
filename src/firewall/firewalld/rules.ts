/**
 * Our rules of firewalld's rich language, and back: https://firewalld.org/documentation/man-pages/firewalld.richlanguage.html
 *
 * A rich rule has no name. Ours are told by their priority together with their exact form. Being after all of the zone's
 * own, they never override what the administrator refuses.
 */
import { type IPFamily, parseCIDR, parseIP } from '../../lib/ip.ts';
import type { TransportProtocol } from '../../netfilter/model.ts';
import { type Admission, type Destination, openedBy } from '../backend.ts';

/** The priority of every rule of ours, and of nobody else's. Documented for administrators. */
const OUR_PRIORITY = 31_952;

const FAMILY: Readonly<Record<IPFamily, string>> = { IPv4: 'ipv4', IPv6: 'ipv6' };

/** The rules that let an admission in: one, or one for each prefix of those who may come; none for what is enforced. */
export function richRules({ family, address, protocol, port, sources, policy }: Admission): readonly string[] {
  if (policy !== 'managed') return [];
  const rule = (source: string) =>
    `rule priority="${OUR_PRIORITY}" family="${FAMILY[family]}" ${source}destination address="${address}" ` +
    `port port="${port}" protocol="${protocol}" accept`;
  return sources === undefined ? [rule('')] : sources.map((prefix) => rule(`source address="${prefix}" `));
}

const OURS = new RegExp(
  `^rule priority="${OUR_PRIORITY}" family="ipv([46])" (?:source address="([^"]+)" )?destination address="([^"]+)" ` +
    `port port="(\\d+)" protocol="(tcp|udp|sctp)" accept$`,
);

interface OurRule extends Destination {
  readonly source?: string;
}

/** What a rule of ours says; undefined of a rule that is not ours. */
function parseOurRule(text: string): OurRule | undefined {
  const [, version, source, address = '', port, protocol] = OURS.exec(text) ?? [];
  if (version === undefined || parseIP(address) === undefined) return undefined;
  if (source !== undefined && parseCIDR(source) === undefined) return undefined;
  return {
    family: version === '4' ? 'IPv4' : 'IPv6',
    address,
    protocol: protocol as TransportProtocol,
    port: Number(port),
    ...(source === undefined ? {} : { source }),
  };
}

/** Whether we put this rule there. */
export function isOurs(rule: string): boolean {
  return parseOurRule(rule) !== undefined;
}

/** The admissions that these rules make together. Rules that are not ours are passed over. */
export function admissions(rules: Iterable<string>): readonly Admission[] {
  return openedBy([...rules].flatMap((text) => parseOurRule(text) ?? []));
}
