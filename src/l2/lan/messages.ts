/**
 * What the side of the announcer that follows the API (`speaker/`) and the side that works on the LAN (`lan/`, a thread of
 * its own, so that neither heartbeats nor answers wait for anything) tell each other. Plain data: it crosses threads.
 */
import type { Duration } from '../../lib/duration.ts';

/** A node that may announce an address by what the API says of it. */
export interface Candidate {
  readonly node: string;
  /** Where it announces; undefined: on the node's default interfaces. */
  readonly interfaces: readonly string[] | undefined;
}

/** Who may announce an address. Every node works out the same plan from the same objects. */
export interface AddressPlan {
  /** In canonical text. */
  readonly address: string;
  /** Keys of the Services that have the address, sorted. */
  readonly services: readonly string[];
  /** Best first: the first one that lives announces. */
  readonly candidates: readonly Candidate[];
}

/** What the API says of another node's announcer. */
export interface PeerFacts {
  readonly name: string;
  /** Its InternalIPs, at most one per family: where heartbeats are sent to and must come from. */
  readonly addresses: readonly string[];
  /** UDP port of its heartbeats; undefined: it sends none, and its lease alone says whether it lives. */
  readonly port: number | undefined;
  /** Whether its lease has been renewed within the lease's duration; `none`: no announcer has ever run there. */
  readonly lease: 'fresh' | 'stale' | 'none';
  /** For how long a renewal of its lease counts. Default: as long as a lease lasts at least. */
  readonly leaseDuration?: Duration;
  /** The nodes that it hears heartbeats of, as its lease says: tells the larger part of a LAN that has come apart. */
  readonly hears: readonly string[];
  /** Whether it can reach its LAN at all, as its lease says. */
  readonly onLan: boolean;
  /** MACs that it announces with, as its lease says; its heartbeats say so too. */
  readonly macs?: readonly string[];
}

/** A shared secret of heartbeats. The first of a list signs; all of them are accepted. */
export interface HeartbeatKey {
  /** At least 16 bytes. */
  readonly secret: Uint8Array;
}

/** Where announcements may go on this machine. */
export interface ReachFacts {
  /** Interfaces for announcements that name none. */
  readonly defaults: readonly string[];
  /** Interfaces that may be used at all; undefined: every one that an announcement names. */
  readonly allowed: readonly string[] | undefined;
  /** Addresses that nodes have for themselves, this one and others: their kernels answer for them, and we never do. */
  readonly own: readonly string[];
}

export type ToLan =
  /**
   * This node's InternalIPs, at most one per family: heartbeats come from them, and announcements that name no interface go
   * where they are.
   */
  | { readonly kind: 'self'; readonly addresses: readonly string[] }
  | { readonly kind: 'plans'; readonly changed: readonly AddressPlan[]; readonly removed: readonly string[] }
  /** Every plan there is has been told: only then may this node be elected, by itself and by others. */
  | { readonly kind: 'synced' }
  | { readonly kind: 'peers'; readonly peers: readonly PeerFacts[] }
  | { readonly kind: 'keys'; readonly keys: readonly HeartbeatKey[] }
  /** Whether this node can reach the API, as far as that is known. */
  | { readonly kind: 'api'; readonly reachable: boolean }
  /** The kernel now passes on what belongs to connections through the former announcer: the take-over may go on. */
  | { readonly kind: 'handover-ready'; readonly address: string }
  /** Hand everything over and stop; answered with `left`. */
  | { readonly kind: 'leave' }
  | { readonly kind: 'ask'; readonly id: number };

/** How another node is known to live or not. */
export type PeerState =
  /** Its heartbeats arrive, and it has ours. */
  | 'heard'
  /** Not heard here; a node that we hear says that it hears it. */
  | 'told'
  /** Never heard, or it sends no heartbeats: its lease says that it lives. */
  | 'leased'
  /** It has said that it is about to stop. */
  | 'leaving'
  | 'lost'
  /** Nothing is known of an announcer there. */
  | 'absent';

export interface PeerStatus {
  readonly name: string;
  readonly state: PeerState;
  /** Wall-clock milliseconds since when. */
  readonly since: number;
  /** Round-trip time of the latest heartbeat in milliseconds; undefined while there is none. */
  readonly roundTrip: number | undefined;
}

export interface AnnouncedStatus {
  readonly address: string;
  readonly protocol: 'ARP' | 'NDP';
  /** Where it is answered for, sorted; empty while no interface can be used. */
  readonly interfaces: readonly string[];
  /** Keys of the Services that have the address. */
  readonly services: readonly string[];
  /** Wall-clock milliseconds since when. */
  readonly since: number;
  /** Questions for it that were answered since, and frames about it sent unasked. */
  readonly answered?: number;
  readonly told?: number;
}

export interface ConflictStatus {
  readonly address: string;
  readonly interface: string;
  /** Of the host that holds the address, and is no announcer of this cluster. */
  readonly mac: string;
  readonly since: number;
}

export interface LanStatus {
  readonly announcing: readonly AnnouncedStatus[];
  readonly conflicts: readonly ConflictStatus[];
  readonly peers: readonly PeerStatus[];
  /** Of every address that has a plan, the node that announces it as seen from here; undefined: nobody can. */
  readonly elected: Readonly<Record<string, string | undefined>>;
  /** Set while this node stays silent although it may be elected, with the reason for people. */
  readonly silent: string | undefined;
  /** Monotonic counters, by `PROTOCOL WHAT` as `L2Stats` counts them, and `elections`, `failovers`, `handovers`, `heartbeats ...`. */
  readonly counts: Readonly<Record<string, number>>;
}

export type FromLan =
  /** An announcement began, ended or moved to other interfaces. */
  | { readonly kind: 'announcing'; readonly announced: AnnouncedStatus }
  | { readonly kind: 'withdrawn'; readonly address: string; readonly why: string }
  /**
   * This node is about to take an address over. From a node that still lives, it waits a moment for `handover-ready`
   * before it says so on the LAN; after a failure (`from` undefined or dead) it waits for nothing.
   */
  | {
      readonly kind: 'takeover';
      readonly address: string;
      readonly from: string | undefined;
      readonly planned: boolean;
    }
  /** Connections through the former announcer need nothing any more: it is gone, or has the address again. */
  | { readonly kind: 'handover-over'; readonly address: string; readonly why: string }
  /** Heartbeats come that no key fits: the keys may have changed. At most once a second. */
  | { readonly kind: 'unknown-key' }
  /** Another host of the LAN holds an address of ours, or has let go of it. */
  | { readonly kind: 'conflict'; readonly conflict: ConflictStatus; readonly state: 'begun' | 'over' }
  /** What is known of the others has changed. `hears`, `onLan` and `macs` are for this node's lease. */
  | {
      readonly kind: 'peers';
      readonly peers: readonly PeerStatus[];
      readonly hears: readonly string[];
      readonly onLan: boolean;
      readonly macs: readonly string[];
    }
  /** The status is another than it was: at most once a second. */
  | { readonly kind: 'changed' }
  | { readonly kind: 'status'; readonly id: number; readonly status: LanStatus }
  /** Everything has been handed over; nothing is announced any more. */
  | { readonly kind: 'left' }
  | {
      readonly kind: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: Readonly<Record<string, unknown>>;
      readonly message: string;
    };

/** The LAN's side as the API's side has it, whichever thread it runs in. */
export interface LanPort {
  send(message: ToLan): void;
  /** Several may listen; each is told everything from then on. */
  onMessage(listener: (message: FromLan) => void): void;
}
