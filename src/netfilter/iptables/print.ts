/**
 * Rules as text, exactly as `iptables-save` prints them: what the kernel holds can then be compared with what it should
 * hold, line by line.
 */
import type { IPFamily } from '../../lib/ip.ts';
import { isEmptyPatch, type Match, type Rule, type TablePatch, type Target } from './model.ts';

const HOST_BITS: Readonly<Record<IPFamily, number>> = { IPv4: 32, IPv6: 128 };
const FULL_MASK: Readonly<Record<IPFamily, string>> = {
  IPv4: '255.255.255.255',
  IPv6: 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff',
};
const PORT_UNREACHABLE: Readonly<Record<IPFamily, string>> = {
  IPv4: 'icmp-port-unreachable',
  IPv6: 'icmp6-port-unreachable',
};

/** A rule without the chain that it is in. */
export function printRule({ matches, target }: Rule, family: IPFamily): string {
  const sorted = matches.length < 2 ? matches : [...matches].sort((a, b) => rank(a) - rank(b));
  let text = '';
  for (const match of sorted) {
    const word = printMatch(match, family);
    if (word !== '') text += `${word} `;
  }
  return text + printTarget(target, family);
}

/** Addresses, interface and protocol are printed first and in this order, whatever order they came in. */
const FIRST: Readonly<Partial<Record<Match['kind'], number>>> = {
  source: 0,
  destination: 1,
  'in-interface': 2,
  protocol: 3,
};
const rank = ({ kind }: Match): number => FIRST[kind] ?? 4;

function printMatch(match: Match, family: IPFamily): string {
  switch (match.kind) {
    case 'source':
    case 'destination':
      return printAddress(match, family);
    case 'in-interface':
      return `${match.not ? '! ' : ''}-i ${match.name}`;
    case 'protocol':
      return `-p ${match.protocol}${match.ports ? ` -m ${match.protocol} --dport ${printPorts(match.ports)}` : ''}`;
    case 'state':
      return `-m conntrack ${match.not ? '! ' : ''}--ctstate ${match.states.join(',')}`;
    case 'connection-mark':
      return `-m connmark --mark ${hex(match.bit)}/${hex(match.bit)}`;
    case 'local':
      return `-m addrtype --${match.of === 'source' ? 'src' : 'dst'}-type LOCAL`;
    case 'one-in':
      return `-m statistic --mode random --probability ${printProbability(match.count)}`;
    case 'seen':
      return `-m recent --rcheck --seconds ${match.seconds} --reap --name ${match.list} --mask ${FULL_MASK[family]} --rsource`;
    case 'note':
      return `-m recent --set --name ${match.list} --mask ${FULL_MASK[family]} --rsource`;
    case 'comment':
      return `-m comment --comment ${printComment(match.text)}`;
  }
}

function printTarget(target: Target, family: IPFamily): string {
  switch (target.kind) {
    case 'jump':
      return `-j ${target.chain}`;
    case 'goto':
      return `-g ${target.chain}`;
    case 'return':
    case 'drop':
    case 'masquerade':
      return `-j ${target.kind.toUpperCase()}`;
    case 'reject':
      return `-j REJECT --reject-with ${target.with === 'tcp-reset' ? 'tcp-reset' : PORT_UNREACHABLE[family]}`;
    case 'dnat':
      return `-j DNAT --to-destination ${family === 'IPv6' ? `[${target.ip}]` : target.ip}:${target.port}`;
    case 'mark-connection':
      return `-j CONNMARK --set-xmark ${hex(target.bit)}/${hex(target.bit)}`;
    case 'unmark-connection':
      return `-j CONNMARK --set-xmark 0x0/${hex(target.bit)}`;
  }
}

/** `iptables-save` leaves out what matches every address. */
function printAddress(match: { readonly kind: 'source' | 'destination'; readonly address: string }, family: IPFamily) {
  const { kind, address } = match;
  if (address.endsWith('/0')) return '';
  return `${kind === 'source' ? '-s' : '-d'} ${address.includes('/') ? address : `${address}/${HOST_BITS[family]}`}`;
}

const printPorts = ({ first, last }: { readonly first: number; readonly last: number }): string =>
  first === last ? `${first}` : `${first}:${last}`;

const hex = (value: number): string => `0x${value.toString(16)}`;

/** The kernel keeps a probability as a share of 2^31, and that is what is printed. */
function printProbability(count: number): string {
  return (Math.round(2 ** 31 / count) / 2 ** 31).toFixed(11);
}

/** Others' names go in here: what could end the text, or the line, is left out. Linux takes 255 bytes. */
function printComment(text: string): string {
  const safe = text.replace(/[^A-Za-z0-9 ./:_-]/g, '_').slice(0, 255);
  return /^[A-Za-z0-9_-]+$/.test(safe) ? safe : `"${safe}"`;
}

/** The input of `iptables-restore --noflush`, in pieces; nothing for a patch that does nothing. */
export function* printPatch(patch: TablePatch): Iterable<string> {
  if (isEmptyPatch(patch)) return;
  const { table, chains, hooked, unhooked } = patch;
  yield `*${table}\n`;
  // Each that is named so is made, or emptied: only then can they lead to one another, and be removed.
  for (const { chain } of chains) yield `:${chain} - [0:0]\n`;
  for (const { into, rule } of unhooked) yield `-D ${into} ${rule}\n`;
  for (const { chain, after = [] } of chains) yield after.map((rule) => `-A ${chain} ${rule}\n`).join('');
  for (const { into, rule } of hooked) yield `-I ${into} 1 ${rule}\n`;
  for (const { chain, after } of chains) if (after === undefined) yield `-X ${chain}\n`;
  yield 'COMMIT\n';
}
