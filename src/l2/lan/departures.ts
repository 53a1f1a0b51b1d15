/** Nodes that have stopped in good order: they may be back soon, and until then their kernels go on forwarding. */
import type { Clock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';
import type { PeerState } from './messages.ts';

/** How long a node that has left is waited for. */
const PATIENCE = seconds(60);

export interface DeparturesParts {
  readonly clock: Clock;
  /** Whether a node lives: then it has not left. */
  readonly lives: (node: string) => boolean;
  /** Whether a node has taken its lease back, as one does that stops in good order. */
  readonly hasNoLease: (node: string) => boolean;
  /** A node has been waited for long enough. */
  readonly onOver: (node: string) => void;
}

export class Departures {
  readonly #parts: DeparturesParts;
  /** What ends the wait for each. */
  readonly #left = new Map<string, AbortController>();

  constructor(parts: DeparturesParts) {
    this.#parts = parts;
  }

  has(node: string): boolean {
    return this.#left.has(node);
  }

  /** Takes note of who has gone or come; until the signal is aborted. */
  note(before: ReadonlyMap<string, PeerState>, now: ReadonlyMap<string, PeerState>, signal: AbortSignal): void {
    for (const [node, state] of now) {
      if (this.#parts.lives(node)) this.#end(node);
      else if (this.#hasLeft(node, before.get(node), state)) this.#begin(node, signal);
    }
  }

  /** Its heartbeats have said so, or, of a node that has none, its lease. */
  #hasLeft(node: string, before: PeerState | undefined, now: PeerState): boolean {
    if (before === now) return false;
    return before === 'leaving' || (before === 'leased' && this.#parts.hasNoLease(node));
  }

  #begin(node: string, signal: AbortSignal): void {
    this.#end(node);
    const ended = new AbortController();
    this.#left.set(node, ended);
    this.#parts.clock.sleep(PATIENCE, AbortSignal.any([signal, ended.signal])).then(
      () => {
        this.#left.delete(node);
        this.#parts.onOver(node);
      },
      () => {}, // It is back, or everything ends.
    );
  }

  #end(node: string): void {
    this.#left.get(node)?.abort();
    this.#left.delete(node);
  }
}
