/** Nodes that have stopped in good order: they may be back soon, and until then their kernels go on forwarding. */
import type { Clock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';
import type { PeerState } from './messages.ts';

/** How long a node that has left is waited for. */
const PATIENCE = seconds(60);

export interface DeparturesParts {
  readonly clock: Clock;
  /** Whether a node answers for what it announces: then it has not left. */
  readonly answers: (node: string) => boolean;
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
      if (this.#parts.answers(node)) this.#end(node);
      else if (before.get(node) === 'leaving' && state !== 'leaving') this.#begin(node, signal);
    }
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
