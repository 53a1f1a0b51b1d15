import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { milliseconds } from '../../lib/duration.ts';

export const HEARTBEAT_INTERVAL = milliseconds(50);
export const HEARTBEAT_TIMEOUT = milliseconds(300);
export const HEARTBEAT_PORT = 7952;

export interface HeartbeatsOptions {
  readonly nodeName: string;
  /** This node's InternalIPs, at most one per family: heartbeats leave from there and arrive there. */
  readonly addresses: readonly string[];
  /** Ethernet addresses from which this node announces, as `02:00:00:00:00:01`. */
  readonly macs: readonly string[];
  /** Milliseconds between heartbeats; 0: no heartbeats, leases alone decide. */
  readonly interval: number;
  /** Milliseconds without a heartbeat after which a node is lost. */
  readonly timeout: number;
  /** UDP port; 0, for tests with one address: one that is free, see `Heartbeats.port`. */
  readonly port: number;
  /** For the times in the status; silence is measured by a clock that nobody sets. */
  readonly clock: Clock;
  readonly log: Logger;
  /** What `Liveness` says has changed. */
  readonly onChange: () => void;
  /** A heartbeat came that no key fits, from an address of a node that should know it: at most once a second. */
  readonly onUnknownKey?: () => void;
}
