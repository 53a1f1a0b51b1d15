/** Writes what a node found out into an annotation of its Node: soon when it is news, and otherwise seldom. */
import { Node } from '../../api/core/v1/node.ts';
import type { Client } from '../../client/client.ts';
import { isExpected } from '../../client/expected.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { Wake } from '../../host/wake.ts';
import { minutes, seconds } from '../../lib/duration.ts';
import { printSummary, type Summary, TRIES_ANNOTATION } from './summary.ts';

export interface PublisherOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly summary: () => Summary;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Between writes: of news, so that a row of them is one; and of nothing but later times. */
const [NEWS, TIMES] = [seconds(3), minutes(5)];

export class Publisher {
  readonly #options: PublisherOptions;
  readonly #wake = new Wake();
  #written: string | undefined;

  constructor(options: PublisherOptions) {
    this.#options = options;
  }

  /** What was written is gone, as with a Node that was made anew. */
  again(): void {
    this.#written = undefined;
    this.#wake.now();
  }

  /** There is more to tell than later times. */
  note(): void {
    this.#wake.now();
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    while (!signal.aborted) {
      await this.#write();
      await clock.sleep(NEWS, signal).catch(() => {}); // The loop looks at the signal.
      await this.#wake.sleep(clock, TIMES, signal);
    }
  }

  async #write(): Promise<void> {
    const { client, nodeName, summary, log } = this.#options;
    const text = printSummary(summary());
    if (text === this.#written) return;
    try {
      const body = { metadata: { annotations: { [TRIES_ANNOTATION]: text } } };
      await client.patch(Node, { name: nodeName }, { type: 'merge', body });
      this.#written = text;
    } catch (err) {
      this.#wake.now();
      if (isExpected(err)) log.debug({ err }, 'what was found out by trying is told later');
      else log.warn({ err }, 'what was found out by trying cannot be told; trying again');
    }
  }
}
