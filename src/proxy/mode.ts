/**
 * What every way of programming a kernel offers the proxy. A mode is told what is forwarded, as data, and how that
 * changes; it decides nothing about Services. `mode-contract.ts` is what all of them keep.
 */
import type { IPAddress, IPFamily } from '../lib/ip.ts';
import type { Endpoint, Frontend } from './forwarding/forwarding.ts';
import type { TrafficReadings } from './traffic/reading.ts';

/** What came to a set and what left it. */
export interface SetChange<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
}

/** A frontend that is new, gone or different. */
export interface FrontendChange {
  /** Namespace and name of the Service that has it now, or had it. */
  readonly service: string;
  /** See `frontendKey`. */
  readonly key: string;
  readonly before: Frontend | undefined;
  readonly after: Frontend | undefined;
}

/** All that differs from what a mode was told before. */
export interface Changes {
  readonly frontends: readonly FrontendChange[];
  /** Addresses that belong to Services alone, as canonical text. */
  readonly virtualAddresses: SetChange<string>;
  /** Where node ports are served. */
  readonly nodeAddresses: SetChange<IPAddress>;
}

/** A frontend and the Service that has it. */
export interface OwnedFrontend {
  readonly service: string;
  readonly key: string;
  readonly frontend: Frontend;
}

/** All that this node forwards. To be read before it changes the next time. */
export interface Forwarded {
  frontends(): Iterable<OwnedFrontend>;
  virtualAddresses(): Iterable<string>;
  nodeAddresses(): Iterable<IPAddress>;
}

/** Tells which endpoints a frontend had in an earlier run, in slot order. */
export type Recall = (frontend: Frontend) => readonly Endpoint[];

/** A way of programming the kernel of one network namespace. Calls follow one another; none overlaps the next. */
export interface Mode {
  readonly name: 'nftables' | 'iptables';
  /** The families that it serves. */
  readonly families: readonly IPFamily[];
  /** Reads what an earlier run left, so that endpoints keep their slots. A mode without slots has nothing to tell. */
  recall?(): Promise<Recall>;
  /**
   * Puts all of this in place of whatever the kernel holds of ours; where that is the same, nothing happens. Throws
   * `TransactionError` when it is refused.
   */
  load(everything: Forwarded): Promise<void>;
  /**
   * Puts what differs into the kernel: all of it or nothing. Only after a {@link load}. Throws `TransactionError` when the
   * kernel refuses it, and then is as if it had not been called.
   */
  change(changes: Changes): Promise<void>;
  /** Whether the kernel still holds what was put there: cheap, and right about whole chains and tables. */
  intact(): Promise<boolean>;
  /** What the kernel has counted of packets to and from endpoints. A mode that does not count has nothing to tell. */
  traffic?(): TrafficReadings;
  /** Removes what is no longer used, once there is much of it. */
  tidy(): Promise<void>;
  /**
   * Removes everything of ours in this mode, of this run and of earlier ones. Connections that are established go
   * on, for as long as somebody still translates addresses in this network namespace: when the last one ends, so does the kernel.
   */
  remove(): Promise<void>;
}

/** Whether there is nothing to do. */
export function isEmpty({ frontends, virtualAddresses, nodeAddresses }: Changes): boolean {
  const unchanged = ({ added, removed }: SetChange<unknown>) => added.length === 0 && removed.length === 0;
  return frontends.length === 0 && unchanged(virtualAddresses) && unchanged(nodeAddresses);
}
