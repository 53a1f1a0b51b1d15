/** What ARP and NDP have in common: one shape, so that nothing above them asks which family it deals with. */
import type { BpfInstruction } from '../../host/packet-filter.ts';
import type { IPAddress, IPFamily } from '../../lib/ip.ts';

/** Who answers: an interface's MAC, and the addresses that are announced on it. */
export interface Answerer {
  /** 6 bytes. */
  readonly mac: Uint8Array;
  announces(ip: IPAddress): boolean;
}

/** Every reason for which a frame gets no answer. */
export type IgnoreReason =
  /** Not the packet that its place in the protocol demands: a wrong length, checksum, hop limit or option. */
  | 'malformed'
  /** Sent to another host's MAC. */
  | 'not-to-us'
  | 'not-request'
  /** Someone announces an address of their own. */
  | 'gratuitous'
  /** Someone else says that they hold an address that we announce. */
  | 'conflict'
  /** The asked-for address is not announced by us on this interface. */
  | 'not-ours'
  /** The answer would go to nobody, or to everybody. */
  | 'bad-sender';

/** What is done about a received frame. */
export type Verdict =
  | { readonly act: 'reply'; readonly ip: IPAddress; readonly frame: Uint8Array }
  | { readonly act: 'ignore'; readonly why: IgnoreReason };

export const ignore = (why: IgnoreReason): Verdict => ({ act: 'ignore', why });

export interface Protocol {
  readonly name: 'ARP' | 'NDP';
  readonly family: IPFamily;
  readonly etherType: number;
  /** Requests, and nothing else of the EtherType. */
  readonly filter: readonly BpfInstruction[];
  /** Pure: what a frame from the network gets. Never throws. */
  processRequest(frame: Uint8Array, answerer: Answerer): Verdict;
  /** The unasked-for announcement by which others learn that an address is now here. */
  announcement(ip: IPAddress, mac: Uint8Array): Uint8Array;
  /** How often a new address is announced, and how many milliseconds apart. */
  readonly repeat: { readonly count: number; readonly interval: number };
  /** The multicast group in which others ask for an address; undefined when they broadcast. */
  group(ip: IPAddress): string | undefined;
}
