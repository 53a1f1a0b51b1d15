/** Admissions as rules of one chain, exactly as `iptables-save` prints them; and back. */
import { bits, type IPFamily, parseCIDR, parseIP } from '../../lib/ip.ts';
import type { Hook } from '../../netfilter/iptables/model.ts';
import { type Admission, type Destination, openedBy } from '../backend.ts';

/** In the table filter of both families. The proxy's chains begin otherwise, and it removes what begins like them. */
export const CHAIN = 'PST-FIREWALL';

/**
 * Where the chain is jumped to, before all else. What is forwarded is ours only once the proxy has translated it: what it leaves, such as
 * a Service without endpoints, is its own to refuse.
 */
export const HOOKS: readonly Hook[] = [
  { into: 'INPUT', rule: `-j ${CHAIN}` },
  { into: 'FORWARD', rule: `-m conntrack --ctstate DNAT -j ${CHAIN}` },
];

/**
 * One rule for each prefix of sources; none for what is enforced. They go by what connection tracking knows of the first packet, so the same rule lets in
 * what ends here, what is forwarded, and the replies to that; the order of such rules makes no difference.
 */
export function rulesOf({ family, address, protocol, port, sources, policy }: Admission): readonly string[] {
  if (policy !== 'managed') return [];
  const rule = (source: string) =>
    `-p ${protocol} -m conntrack ${source}--ctorigdst ${address} --ctorigdstport ${port} -j ACCEPT`;
  if (sources === undefined) return [rule('')];
  const full = `/${bits(family)}`;
  return sources.map((prefix) =>
    rule(`--ctorigsrc ${prefix.endsWith(full) ? prefix.slice(0, -full.length) : prefix} `),
  );
}

const RULE =
  /^-p (tcp|udp|sctp) -m conntrack (?:--ctorigsrc (\S+) )?--ctorigdst ([\da-f.:]+) --ctorigdstport (\d{1,5}) -j ACCEPT$/;

/** The admissions whose rules these are. Other rules are left out: they are in the way of nobody. */
export function admissionsOf(rules: Iterable<string>, family: IPFamily): readonly Admission[] {
  return openedBy([...rules].flatMap((text) => parseRule(text, family) ?? []));
}

function parseRule(text: string, family: IPFamily): (Destination & { readonly source?: string }) | undefined {
  const [, protocol, source, address = '', port] = RULE.exec(text) ?? [];
  if (protocol !== 'tcp' && protocol !== 'udp' && protocol !== 'sctp') return undefined;
  if (parseIP(address)?.family !== family) return undefined;
  const one: Destination = { family, address, protocol, port: Number(port) };
  if (source === undefined) return one;
  const prefix = source.includes('/') ? source : `${source}/${bits(family)}`;
  return parseCIDR(prefix) === undefined ? undefined : { ...one, source: prefix };
}
