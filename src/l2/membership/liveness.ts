/** What the choice of an announcer asks of heartbeats: who lives, as this node sees it. `Heartbeats` is the real one. */
import type { HeartbeatKey, PeerFacts, PeerStatus } from '../lan/messages.ts';

/** Who may announce now. */
export interface Living {
  /** The nodes that live, this one among them unless it has to be silent. */
  readonly alive: ReadonlySet<string>;
  /**
   * Only while the LAN has come apart and another part is the larger one: the nodes of this part, for addresses for which
   * the other part has no candidate.
   */
  readonly reserve: ReadonlySet<string>;
}

/** The node that announces: the first candidate that lives, then the first in reserve. */
export function firstLiving<T extends { readonly node: string }>(
  candidates: readonly T[],
  { alive, reserve }: Living,
): T | undefined {
  const first = candidates.find(({ node }) => alive.has(node));
  if (first !== undefined || reserve.size === 0) return first;
  return candidates.find(({ node }) => reserve.has(node));
}

export interface Liveness {
  /** The same value until something about it changes, after which `onChange` is called. */
  living(): Living;
  alive(): ReadonlySet<string>;
  /** Why this node is not in `alive`, for people; undefined while it is. */
  silent(): string | undefined;
  /** Whether others' heartbeats arrive and ours do not get there: to the others, this node is then as good as not on the LAN. */
  isMute(): boolean;
  /** Sorted by name. */
  status(): readonly PeerStatus[];
  /** The nodes whose heartbeats arrive and that have ours, sorted: for this node's lease. */
  hears(): readonly string[];
  /** The node that an Ethernet address (`02:00:00:00:00:01`) belongs to, also after the node was lost; undefined: no node of ours. */
  macOwner(mac: string): string | undefined;
  /** Monotonic counters: `heartbeats sent`, `heartbeats received`, `heartbeats WHY` of those that were refused. */
  counts(): Readonly<Record<string, number>>;

  /** All other nodes that may run an announcer. The first call begins the wait for their views; before it this node is silent. */
  setPeers(peers: readonly PeerFacts[]): void;
  /** Without a key nothing is sent and nothing believed. */
  setKeys(keys: readonly HeartbeatKey[]): void;
  setApi(reachable: boolean): void;
  /** Whether this node can reach its LAN, true until told otherwise: counts when parts of the LAN are compared. */
  setOnLan(onLan: boolean): void;
  /** This node's InternalIPs, at most one per family: sockets follow. */
  setAddresses(addresses: readonly string[]): void;
  /** Ethernet addresses from which this node announces, as above. */
  setMacs(macs: readonly string[]): void;
  /** While a reason is given this node is silent, and says so to the others, who then pass it over. */
  withhold(reason: string | undefined): void;

  /** Says that this node is about to stop; resolves when every living node knows it, after a second at most. Heartbeats go on. */
  leave(): Promise<void>;
  /** Runs until the signal aborts. */
  start(signal: AbortSignal): void;
}
