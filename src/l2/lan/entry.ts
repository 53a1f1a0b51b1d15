/** What is known of one address. */
import { type IPAddress, mustParseIP } from '../../lib/ip.ts';
import type { AddressPlan, AnnouncedStatus, Candidate } from './messages.ts';
import type { Announcing } from './parts.ts';
import { NONE, type Tenure } from './tenure.ts';

/** What `Addresses` keeps of it, and changes as things happen. */
export interface Entry {
  readonly ip: IPAddress;
  /** Undefined: no Service has the address any more. */
  plan: AddressPlan | undefined;
  /** What the announcer has been given, as text. */
  announced: string | undefined;
  elected: string | undefined;
  /** How often that has changed. */
  elections: number;
  /** The last node that was elected. */
  former: string | undefined;
  /** This node was silent, and others may have announced the address meanwhile. */
  inDoubt: boolean;
  tenure: Tenure;
  waited: boolean;
  /** The others know that this node announces. */
  told: boolean;
  /** The node whose claim, of what is this node's, is to be answered. */
  claimant: string | undefined;
  /** One has been answered less than a second ago. */
  hasAnswered: boolean;
}

/** What this node announces at an address, if it does. */
export function announcedStatus(address: string, announcing: Announcing): AnnouncedStatus | undefined {
  const active = announcing.get(address);
  if (active === undefined) return undefined;
  const { announcement, ...facts } = active;
  const protocol = announcement.ip.family === 'IPv4' ? 'ARP' : 'NDP';
  return { address, protocol, services: announcement.services, ...facts };
}

/** Of an address that is new. */
export function newEntry(plan: AddressPlan): Entry {
  return {
    ...{
      ip: mustParseIP(plan.address),
      plan,
      announced: undefined,
      elected: undefined,
      elections: 0,
      former: undefined,
    },
    ...{ inDoubt: false, tenure: NONE, waited: false, told: false, claimant: undefined, hasAnswered: false },
  };
}

/** This node among a plan's candidates. */
export function own(plan: AddressPlan, self: string): Candidate | undefined {
  return plan.candidates.find(({ node }) => node === self);
}

/** Why an announcement ends, for people. */
export function whyWithdrawn(entry: Entry, silent: boolean, elected: string | undefined): string {
  if (entry.plan === undefined) return 'no Service has the address any more';
  if (silent) return 'this node has to be silent';
  return elected === undefined ? 'no node can announce it' : `node ${elected} announces it`;
}
