import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { HeartbeatSettings } from '../settings.ts';

/** In its settings, port 0 is for tests with one address: one that is free, see `Heartbeats.port`. */
export interface HeartbeatsOptions extends HeartbeatSettings {
  readonly nodeName: string;
  /** This node's InternalIPs, at most one per family: heartbeats leave from there and arrive there. */
  readonly addresses: readonly string[];
  /** Ethernet addresses from which this node announces, as `02:00:00:00:00:01`. */
  readonly macs: readonly string[];
  /** For the times in the status; silence is measured by a clock that nobody sets. */
  readonly clock: Clock;
  readonly log: Logger;
  /** What `Liveness` says has changed. */
  readonly onChange: () => void;
  /** A heartbeat came that no key fits, from an address of a node that should know it: at most once a second. */
  readonly onUnknownKey?: () => void;
}
