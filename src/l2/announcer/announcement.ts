/** What the announcer is told, and what it tells whoever elects. */
import type { IPAddress } from '../../lib/ip.ts';
import type { ConflictStatus } from '../lan/messages.ts';

/** An address that this node is to announce. */
export interface Announcement {
  readonly ip: IPAddress;
  /** Where; undefined: on the interfaces that are the default. */
  readonly interfaces: Iterable<string> | undefined;
  /** Keys of the Services whose address it is. */
  readonly services: readonly string[];
}

/** An announcement, and where it is answered for now: sorted, empty while no interface can be used. */
export interface Active extends Partial<Traffic> {
  readonly announcement: Announcement;
  readonly interfaces: readonly string[];
  /** Wall-clock milliseconds since when. */
  readonly since: number;
}

/** Frames about one address, since it is announced where it is. */
export interface Traffic {
  /** Questions for it that were answered. */
  readonly answered: number;
  /** Frames sent unasked. */
  readonly told: number;
}

/** Another host's word that it holds an address that is announced, or asked after, here. */
export interface Claim {
  /** In canonical text. */
  readonly address: string;
  /** Of the host that claims, as `02:00:00:00:00:01`. */
  readonly mac: string;
  readonly interface: string;
}

/**
 * Whose a claim is. What a node of the cluster says is for the election to judge: the announcer does nothing about it.
 * Against a stranger it defends the address once in ten seconds, then gives it up on that interface until the stranger
 * is gone (RFC 5227 section 2.4).
 */
export type Claimant = 'node' | 'stranger';

export interface AnnouncerEvents {
  /** A claim has been seen. A node that holds the address as its own, not as a Service's, is a stranger too. */
  onClaim(claim: Claim): Claimant;
  /** An address has been given up on an interface, or is ours there again. */
  onConflict(conflict: ConflictStatus, state: 'begun' | 'over'): void;
  /** Where an address is answered for has changed. */
  onChange(address: string): void;
}

/** Whether this machine can reach its LAN, by what the interfaces show that are the default. */
export interface Evidence {
  /** Whether any of them has a carrier. */
  readonly carrier: boolean;
  /** Frames of other hosts so far; a counter, which moves only while addresses are announced or {@link ask} runs. */
  readonly foreignFrames: number;
}
