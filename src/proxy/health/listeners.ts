/** Listeners that come and go: each is opened when it is wanted, tried again while it cannot be, and closed when it is not. */
import { BackOff } from '../../client/back-off.ts';
import type { Clock } from '../../host/clock.ts';
import { aborted } from '../../lib/abort.ts';
import { seconds } from '../../lib/duration.ts';
import type { Answerer, Listen, ListenAddress } from './listen.ts';

export interface ListenersOptions {
  readonly listen: Listen;
  readonly clock: Clock;
  /** Called each time that a listener cannot be opened. */
  readonly onFailure: (at: ListenAddress, error: unknown, retryIn: number) => void;
}

interface Entry {
  readonly ending: AbortController;
  readonly ended: Promise<void>;
}

export class Listeners {
  readonly #options: ListenersOptions;
  readonly #entries = new Map<string, Entry>();
  /** Those that are being closed: their ports are not free yet. */
  readonly #closing = new Map<string, Promise<void>>();
  readonly #failing = new Map<string, unknown>();

  constructor(options: ListenersOptions) {
    this.#options = options;
  }

  /** How many are wanted and cannot be opened. */
  get failing(): number {
    return this.#failing.size;
  }

  /** What is wrong with one, while it cannot be opened. */
  failure(at: ListenAddress): unknown {
    return this.#failing.get(keyOf(at));
  }

  /** Wants a listener; the first answerer of an address and port stays until it is dropped. */
  want(at: ListenAddress, answer: Answerer): void {
    const key = keyOf(at);
    if (this.#entries.has(key)) return;
    const ending = new AbortController();
    const ended = this.#keep(key, at, answer, ending.signal);
    this.#entries.set(key, { ending, ended });
  }

  drop(at: ListenAddress): void {
    const key = keyOf(at);
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#closing.set(key, entry.ended);
    entry.ending.abort();
    void entry.ended.then(() => {
      if (this.#closing.get(key) === entry.ended) this.#closing.delete(key);
    });
  }

  /** Drops all; resolves when they are closed. */
  async close(): Promise<void> {
    const all = [...this.#entries.values()];
    for (const { ending } of all) ending.abort();
    this.#entries.clear();
    await Promise.all([...all.map(({ ended }) => ended), ...this.#closing.values()]);
  }

  async #keep(key: string, at: ListenAddress, answer: Answerer, signal: AbortSignal): Promise<void> {
    await this.#closing.get(key);
    const { listen, clock, onFailure } = this.#options;
    const backOff = new BackOff({ first: seconds(1), max: seconds(60), jitter: 0.2 });
    while (!signal.aborted) {
      try {
        const listening = await listen(at, answer);
        this.#failing.delete(key);
        await aborted(signal);
        await listening.close();
      } catch (error) {
        if (signal.aborted) break;
        const wait = backOff.next();
        this.#failing.set(key, error);
        onFailure(at, error, wait);
        await clock.sleep(wait, signal).catch(() => {}); // The loop looks at the signal.
      }
    }
    this.#failing.delete(key);
  }
}

const keyOf = ({ address, port }: ListenAddress): string => `${address} ${port}`;
