/** A watch as it goes over the wire: a line of JSON for each thing that is told. */
import type { ServerResponse } from 'node:http';
import type { Answer, Following, WatchLine, WatchListener } from '../answer.ts';
import { linePrinter, type PrintOptions } from './print.ts';
import { beginStream, drained } from './respond.ts';

export interface WatchEvents {
  /** It has told what there was already. */
  readonly begun: () => void;
  /** It failed; the response has still to be ended. */
  readonly failed: (error: unknown) => void;
}

/** Tells the lines of a watch to the client, until the client is gone, the watch has ended, or {@link end} is called. */
export class WatchStream implements WatchListener {
  readonly #response: ServerResponse;
  readonly #print: (line: WatchLine) => string;
  readonly #events: WatchEvents;
  #following: Following | undefined;
  #isHeld = false;

  constructor(
    response: ServerResponse,
    answer: Extract<Answer, { kind: 'watch' }>,
    options: PrintOptions,
    events: WatchEvents,
  ) {
    this.#response = response;
    this.#print = linePrinter(answer.of, options);
    this.#events = events;
    beginStream(response, 'application/json');
    this.#following = answer.follow(this);
    if (response.destroyed) this.end();
    else response.once('close', () => this.end());
  }

  /** Tells no more. A client that has not taken what it was told is not waited for. */
  end(): void {
    this.#following?.end();
    this.#following = undefined;
    if (this.#isHeld) this.#response.destroy();
  }

  tell(lines: readonly WatchLine[]): Promise<void> | undefined {
    if (this.#response.destroyed || this.#response.write(lines.map(this.#print).join(''))) return undefined;
    this.#isHeld = true;
    return drained(this.#response).then(() => {
      this.#isHeld = false;
    });
  }

  begun(): void {
    this.#events.begun();
  }

  over(error?: unknown): void {
    if (error !== undefined) this.#events.failed(error);
    else this.#response.end();
  }
}
