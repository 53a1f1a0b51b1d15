/** What a kernel has counted, as a mode tells it: the vocabulary between modes, which read counters, and `totals.ts`. */
import type { IPFamily } from '../../lib/ip.ts';
import type { TransportProtocol } from '../../netfilter/model.ts';

/** An address and port, as canonical text. */
export interface Place {
  readonly ip: string;
  readonly port: number;
}

/**
 * `connections`: those that began, in `packets`; `in`: what went to the endpoint; `out`: what came back from it.
 * Bytes are those of IP packets, headers included.
 */
export type Counted = 'connections' | 'in' | 'out';

/** What one counter of the kernel says: how much, since it began to count. It begins again after a time without packets. */
export interface TrafficReading {
  readonly family: IPFamily;
  readonly protocol: TransportProtocol;
  readonly what: Counted;
  /** What the connection asked for. */
  readonly asked: Place;
  /** Where it went. */
  readonly endpoint: Place;
  readonly packets: number;
  readonly bytes: number;
}

/** All counters, some at a time. */
export type TrafficReadings = AsyncGenerator<readonly TrafficReading[], void, void>;
