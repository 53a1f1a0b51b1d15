/** What ARP and NDP have in common: one shape, so that nothing above them asks which family it deals with. */
import type { BpfInstruction } from '../../host/packet-filter.ts';
import type { Duration } from '../../lib/duration.ts';
import type { IPAddress, IPFamily } from '../../lib/ip.ts';

/** What this host does about an address on an interface: answer for it, or ask first whether it is free. */
export type Stance = 'answers' | 'probes';

/** Who answers: an interface's MAC, and the addresses that concern us on it. */
export interface Answerer {
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Undefined: the address is none of our business. */
  stance(ip: IPAddress): Stance | undefined;
  /** Whether a MAC is one of this machine's: two of its interfaces may be on one LAN. */
  isOwn(mac: Uint8Array): boolean;
}

/** Every reason for which a frame gets no answer. */
export type IgnoreReason =
  /** Not the packet that its place in the protocol demands: a wrong length, checksum, hop limit or option. */
  | 'malformed'
  /** Sent to another host's MAC. */
  | 'not-to-us'
  /** Someone's answer, or word about itself, that has nothing to do with our addresses. */
  | 'not-request'
  /** Someone announces an address of their own. */
  | 'gratuitous'
  /** Another interface of this machine has sent it. */
  | 'own'
  /** The asked-for address is not announced by us on this interface. */
  | 'not-ours'
  /** The answer would go to nobody, or to everybody. */
  | 'bad-sender';

/** What is done about a received frame. */
export type Verdict =
  | { readonly act: 'reply'; readonly ip: IPAddress; readonly frame: Uint8Array }
  /** Another host holds, or is about to take, an address that we answer for or ask after. `mac` is that host's. */
  | { readonly act: 'claim'; readonly ip: IPAddress; readonly mac: Uint8Array }
  | { readonly act: 'ignore'; readonly why: IgnoreReason };

export const ignore = (why: IgnoreReason): Verdict => ({ act: 'ignore', why });

export interface Protocol {
  readonly name: 'ARP' | 'NDP';
  readonly family: IPFamily;
  readonly etherType: number;
  /** Questions, answers and announcements, and nothing else of the EtherType. */
  readonly filter: readonly BpfInstruction[];
  /** Pure: what a frame from the network gets. Never throws. */
  judge(frame: Uint8Array, answerer: Answerer): Verdict;
  /** The unasked-for frames by which others learn that an address is now here, in the order to send them in. */
  announcement(ip: IPAddress, mac: Uint8Array): readonly Uint8Array[];
  /** How long to wait after each announcement of a new address until the next; after the last, nothing follows. */
  readonly repeat: readonly Duration[];
  /** The question who holds an address. Without a source it is a probe, which nobody learns anything from. */
  question(target: IPAddress, mac: Uint8Array, source?: IPAddress): Uint8Array;
  /** The multicast group in which others ask for an address; undefined when they broadcast. */
  group(ip: IPAddress): string | undefined;
}
