/** How nodes watch each other, as whoever runs them may set it; the same on every node. */
import { type Duration, milliseconds, seconds } from '../lib/duration.ts';

export interface HeartbeatSettings {
  /** Between two heartbeats to a peer; 0: none are sent, and leases alone say who lives. */
  readonly interval: Duration;
  /** Silence after which a node that was heard counts as lost. */
  readonly timeout: Duration;
  /** UDP port, on every node. */
  readonly port: number;
}

/**
 * A node that died is noticed within `timeout + interval`. Six heartbeats in a row have to be lost, or to come late, for a
 * false alarm: at 5 % loss that is once in 64 million.
 */
export const DEFAULT_HEARTBEATS: HeartbeatSettings = {
  interval: milliseconds(50),
  timeout: milliseconds(300),
  port: 7952,
};

/** A secret of heartbeats: a shorter one can be guessed, and a longer one is something else. */
export const SECRET_BYTES = { least: 16, most: 4096 } as const;

/** Intervals and timeouts that make sense, in milliseconds. */
const INTERVALS = { least: milliseconds(10), most: seconds(10) } as const;
const TIMEOUTS = { least: milliseconds(50), most: seconds(60) } as const;
/** So many heartbeats at least must fit into the timeout: one lost packet is no lost node. */
const LEAST_HEARTBEATS = 3;

/** What is wrong with settings, for people: which setting, what was found and what is allowed; undefined when nothing is. */
export function mistakeIn({ interval, timeout, port }: HeartbeatSettings): string | undefined {
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    return `heartbeat port ${port}: it is a UDP port from 1 to 65535`;
  if (interval === 0) return undefined;
  if (interval < INTERVALS.least || interval > INTERVALS.most) {
    return `heartbeat interval ${interval} ms: it is ${INTERVALS.least} ms to ${INTERVALS.most} ms, or 0 for none`;
  }
  const least = Math.max(TIMEOUTS.least, interval * LEAST_HEARTBEATS);
  if (timeout >= least && timeout <= TIMEOUTS.most) return undefined;
  return (
    `heartbeat timeout ${timeout} ms: with an interval of ${interval} ms it is ${least} ms to ${TIMEOUTS.most} ms, ` +
    `so that ${LEAST_HEARTBEATS} heartbeats have to be lost before a node is`
  );
}
