/** What a node's announcer says of itself when it is asked: plain data, as it travels. */
import type { AnnouncedStatus, ConflictStatus, LanStatus, PeerStatus } from '../../l2/lan/messages.ts';
import type { HeartbeatSettings } from '../../l2/settings.ts';

export interface L2Report {
  readonly node: string;
  /** When it said so, by its own clock: milliseconds since 1970, as every `since`. */
  readonly at: number;
  readonly heartbeats: HeartbeatSettings;
  readonly announcing: readonly AnnouncedStatus[];
  /** Addresses of ours that somebody else on the LAN holds. */
  readonly conflicts: readonly ConflictStatus[];
  readonly peers: readonly PeerStatus[];
  /** Who announces each address, as this node sees it. */
  readonly elected: Readonly<Record<string, string>>;
  /** Addresses that are advertised, and that no node which lives may announce. */
  readonly nobody: readonly string[];
  /** Why this node announces nothing, whatever it is elected for. */
  readonly silent?: string;
  readonly counts: Readonly<Record<string, number>>;
}

export interface Reporter {
  readonly node: string;
  readonly heartbeats: HeartbeatSettings;
}

export function reportOf({ node, heartbeats }: Reporter, at: number, status: LanStatus): L2Report {
  const { announcing, conflicts, peers, elected, silent, counts } = status;
  const all = Object.entries(elected);
  return {
    ...{ node, at, heartbeats, announcing, conflicts, peers },
    elected: Object.fromEntries(all.filter((entry): entry is [string, string] => entry[1] !== undefined)),
    nobody: all.filter(([, winner]) => winner === undefined).map(([address]) => address),
    ...(silent === undefined ? {} : { silent }),
    counts,
  };
}
