/** The watches at one API server: all of them on one connection of HTTP/2, which is made when the first is asked for. */
import { type Answer, NoHTTP2Error, type WatchRequest, type WatchSession } from './watch-session.ts';

/** No connection came about, so that nothing was asked. */
export class NotConnectedError extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.name = 'NotConnectedError';
  }
}

export interface WatchesOptions {
  readonly connect: () => WatchSession;
  /** Called when the last of them is over. */
  readonly idle: () => void;
}

export class Watches {
  readonly #options: WatchesOptions;
  #session: WatchSession | undefined;
  #open = 0;

  constructor(options: WatchesOptions) {
    this.#options = options;
  }

  /** How many there are. */
  get count(): number {
    return this.#open;
  }

  /**
   * Opens one; resolves with the head of the answer. Rejects with {@link NoHTTP2Error} where the server does not speak HTTP/2,
   * with {@link NotConnectedError} where it was not reached.
   */
  async open(request: WatchRequest): Promise<Answer> {
    this.#open++;
    let opened = false;
    try {
      const session = await this.#connected();
      request.signal?.throwIfAborted();
      opened = true;
      return await session.open(request, () => this.#closed());
    } finally {
      if (!opened) this.#closed();
    }
  }

  /** Ends all of them; they fail with `cause`. */
  destroy(cause?: Error): void {
    this.#session?.destroy(cause);
    this.#session = undefined;
  }

  async #connected(): Promise<WatchSession> {
    // One that the server asked to leave goes on to serve the watches that it has, and closes after the last.
    if (this.#session?.isUsable !== true) this.#session = this.#options.connect();
    const session = this.#session;
    try {
      await session.ready;
      return session;
    } catch (error) {
      throw error instanceof NoHTTP2Error ? error : new NotConnectedError(error);
    }
  }

  #closed(): void {
    this.#open--;
    if (this.#open === 0) this.#options.idle();
  }
}
