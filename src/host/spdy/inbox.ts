/**
 * What comes on a connection, in order. Unlike the stream's own iteration, what has come is handed out also when the connection has broken
 * since: a side that closes while it is still written to resets the connection, and its last words count all the same.
 */
import type { Duplex } from 'node:stream';

/** Bytes that are kept until they are asked for; more are left to the connection. */
const KEPT = 256 * 1024;

/** What has come on a connection and was not asked for yet. */
export class Inbox {
  readonly #socket: Duplex;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #ended = false;
  #failure: Error | undefined;
  #wake = () => {};

  constructor(socket: Duplex) {
    this.#socket = socket;
    const end = () => {
      this.#ended = true;
      this.#wake();
    };
    socket.on('error', (error: Error) => {
      this.#failure = error;
    });
    socket.once('end', end).once('close', end);
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
    if (socket.destroyed) end();
  }

  /** Why the connection broke; undefined when it did not. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** The next bytes; undefined when there are no more to come. */
  async next(): Promise<Buffer | undefined> {
    while (this.#chunks.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    const chunk = this.#chunks.shift();
    this.#size -= chunk?.length ?? 0;
    if (this.#size < KEPT && this.#socket.isPaused()) this.#socket.resume();
    return chunk;
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size >= KEPT) this.#socket.pause();
    this.#wake();
  }
}
