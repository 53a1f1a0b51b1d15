/** The first packet of a connection, as far as it is known, and what terms of rules say of it. */
import { cidrContains, type IPFamily } from '../../lib/ip.ts';
import { PROTOCOL_NUMBERS } from '../../netfilter/set-fields.ts';
import type { Term } from './model.ts';
import { EVERYWHERE, readPrefix } from './prefixes.ts';

export interface Packet {
  readonly family: IPFamily;
  /** Where its sender wants it to go. */
  readonly address: string;
  readonly protocol: string;
  readonly port: number;
  /** It comes from anywhere within. Undefined: from anywhere. */
  readonly source?: string;
  /** Of that, from none of the smaller prefixes that rules name. */
  readonly apart?: true;
  /** What it comes by. Undefined: any of them but loopback. */
  readonly interface?: string;
  /** Its destination has been translated: to what address and port is not known. */
  readonly translated: boolean;
  /** It is from pods or nodes to pods, or from a pod to its node. Absent: from a client. */
  readonly pods?: true;
  /** Our sets have it. */
  readonly ours: boolean;
}

/** Whether something holds: of all such packets, of none, or it cannot be told. */
export type Answer = 'yes' | 'no' | 'maybe';

export function holds(term: Term, packet: Packet): Answer {
  const answer = ask(term, packet);
  if (!term.not || answer === 'maybe') return answer;
  return answer === 'yes' ? 'no' : 'yes';
}

function ask(term: Term, packet: Packet): Answer {
  switch (term.kind) {
    case 'family':
      return told(term.family === packet.family);
    case 'protocol':
      return told(term.protocols.some((one) => protocolNumber(one) === protocolNumber(packet.protocol)));
    case 'dport':
      return packet.translated ? 'maybe' : inPorts(term.ports, packet.port);
    case 'original-dport':
      return inPorts(term.ports, packet.port);
    case 'daddr':
      return packet.translated ? 'maybe' : within(packet.address, term.prefixes);
    case 'original-daddr':
      return within(packet.address, term.prefixes);
    case 'saddr':
    case 'original-saddr':
      return within(packet.source ?? EVERYWHERE[packet.family], term.prefixes, packet.apart);
    case 'through':
      return comesThrough(term.interfaces, packet.interface);
    case 'state':
      return told(term.states.includes('new'));
    case 'translated':
      return told(packet.translated);
    case 'local-destination':
      return packet.translated ? 'maybe' : 'yes';
    case 'ours':
      return told(packet.ours && packet.pods !== true && isOurs(term, packet));
    case 'for-pods':
      return told(packet.pods === true && packet.ours);
    case 'unknown':
      return 'maybe';
  }
}

function isOurs({ family, by, audience }: Extract<Term, { kind: 'ours' }>, packet: Packet): boolean {
  if (audience !== undefined && (audience === 'anyone') !== (packet.source === undefined)) return false;
  return family === packet.family && !(packet.translated && by === 'here');
}

function comesThrough(names: readonly string[], name: string | undefined): Answer {
  // That it comes from outside is known.
  if (name === undefined) return names.every((one) => one === 'lo') ? 'no' : 'maybe';
  return told(names.some((one) => (one.endsWith('*') ? name.startsWith(one.slice(0, -1)) : name === one)));
}

const told = (is: boolean): Answer => (is ? 'yes' : 'no');

/** Of those that may be exposed; others are told apart as they are spelled. */
const protocolNumber = (text: string): string => String(PROTOCOL_NUMBERS[text] ?? text);

const inPorts = (ports: readonly (readonly [number, number])[], port: number): Answer =>
  told(ports.some(([first, last]) => port >= first && port <= last));

/** Of all addresses of a prefix, or of those that are in no smaller one: whether they are within some of those. */
function within(text: string, prefixes: readonly string[], isApart = false): Answer {
  const inner = readPrefix(text);
  if (inner === undefined) return 'maybe';
  let answer: Answer = 'no';
  for (const prefix of prefixes) {
    const outer = readPrefix(prefix);
    if (outer === undefined) answer = 'maybe';
    else if (outer.prefix <= inner.prefix && cidrContains(outer, inner.base)) return 'yes';
    else if (!isApart && cidrContains(inner, outer.base)) answer = 'maybe';
  }
  return answer;
}
