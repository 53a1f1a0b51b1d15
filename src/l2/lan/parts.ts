/** What the LAN's side is made of, as it uses its parts; the real ones are `membership/`'s and `announcer/`'s. */
import type { Clock } from '../../host/clock.ts';
import type { LinkWatch } from '../../host/link-watch.ts';
import type { Logger } from '../../host/log.ts';
import type { Active, Announcement, AnnouncerEvents, Evidence } from '../announcer/announcement.ts';
import type { Liveness } from '../membership/liveness.ts';
import type { FromLan, ReachFacts } from './messages.ts';

/** Answers on the interfaces of this machine. */
export interface Announcing {
  start(signal: AbortSignal): void;
  set(address: string, announcement: Announcement | undefined, how?: { readonly probe: boolean }): void;
  setReach(reach: ReachFacts): void;
  reannounce(address: string): void;
  get(address: string): Active | undefined;
  list(): readonly Active[];
  evidence(): Evidence;
  ask(addresses: readonly string[], within: number): Promise<boolean>;
}

export interface LivenessEvents {
  readonly onChange: () => void;
  readonly onUnknownKey: () => void;
}

export interface LanParts {
  readonly nodeName: string;
  /** The only interfaces to announce on; undefined: those that hold the node's InternalIPs, or that a plan names. */
  readonly interfaces: readonly string[] | undefined;
  readonly links: LinkWatch;
  readonly announcing: (events: AnnouncerEvents) => Announcing;
  readonly liveness: (events: LivenessEvents) => Liveness;
  /** What the announcer has counted, by `PROTOCOL WHAT`. */
  readonly counts: () => Readonly<Record<string, number>>;
  /** Default gateways of this machine, by which it is tried whether the LAN can be reached at all. */
  readonly gateways: () => readonly string[];
  readonly tell: (message: FromLan) => void;
  readonly clock: Clock;
  readonly log: Logger;
}
