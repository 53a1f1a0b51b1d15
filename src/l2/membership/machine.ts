/** What heartbeats need of the machine, so that a simulation can stand in for it. */
import { Sockets, type SocketsParts } from './sockets.ts';

/** Messages to and from this node's addresses. */
export interface Transport {
  /** See `Sockets`. */
  readonly port: number;
  set(addresses: readonly string[], signal: AbortSignal): void;
  send(message: Buffer, port: number, address: string): boolean;
}

export interface Machine {
  /** Milliseconds of a clock that nobody sets. */
  now(): number;
  /** Runs something once, after what has arrived until then was read. Returns what prevents it. */
  after(delay: number, run: () => void): () => void;
  open(parts: SocketsParts): Transport;
}

export const realMachine: Machine = {
  now: () => performance.now(),
  after: (delay, run) => {
    let immediate: NodeJS.Immediate | undefined;
    // Immediates run after sockets were read: a node is not lost whose heartbeat waits in one.
    const timer = setTimeout(() => {
      immediate = setImmediate(run);
    }, delay);
    return () => {
      clearTimeout(timer);
      clearImmediate(immediate);
    };
  },
  open: (parts) => new Sockets(parts),
};
