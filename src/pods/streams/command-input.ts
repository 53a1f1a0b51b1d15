/** What a client sends to a command, taken no faster than the command reads it. */
import type { WebSocket } from 'ws';
import type { Clock } from '../../host/clock.ts';
import type { SpdyStream } from '../../host/spdy/session.ts';
import { seconds } from '../../lib/duration.ts';
import type { ClientMessage } from './channels.ts';

/** How long a command that has closed its outputs gets to end before it is given more input. */
const HOLD = seconds(1);
/** How long a command that has closed its outputs may read nothing of what it is given. */
const PATIENCE = seconds(10);

export class CommandInput {
  readonly #client: WebSocket;
  readonly #stdin: SpdyStream | undefined;
  readonly #resize: SpdyStream | undefined;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  readonly #stuck = Promise.withResolvers<void>();
  #isFull = false;
  #isHeld = false;
  /** How often there was room again. */
  #drained = 0;

  constructor(client: WebSocket, { stdin, resize }: Record<'stdin' | 'resize', SpdyStream | undefined>, clock: Clock) {
    this.#client = client;
    this.#stdin = stdin;
    this.#resize = resize;
    this.#clock = clock;
    const roomy = () => {
      this.#isFull = false;
      this.#drained++;
      this.#update();
    };
    stdin?.on('drain', roomy).once('close', roomy);
  }

  /**
   * Resolves when nothing more is read, of a command that has closed its outputs: it has ended, and containerd (1.6) is stuck with the rest of
   * the input, so that it never says how.
   */
  get stuck(): Promise<void> {
    return this.#stuck.promise;
  }

  take(message: ClientMessage): void {
    switch (message.kind) {
      case 'stdin':
        // A command that has closed its input, or ended, takes no more.
        if (this.#stdin?.writable && !this.#stdin.write(message.bytes)) this.#isFull = true;
        this.#update();
        return;
      case 'stdin-end':
        this.#stdin?.end();
        return;
      case 'resize':
        if (this.#resize?.writable) this.#resize.write(message.bytes);
        return;
      case 'other':
        return;
    }
  }

  /**
   * To be called when the command has closed its outputs. Most likely it has ended, and the runtime is about to say how and to close the
   * connection. What is written to it then would reset the connection, and could cost those last words: so nothing is, for a moment.
   */
  async hold(): Promise<void> {
    if (this.#stdin === undefined) return;
    this.#isHeld = true;
    this.#update();
    await this.#sleep(HOLD);
    this.#isHeld = false;
    this.#update();
    for (let before = -1; !this.#ended.signal.aborted; before = this.#drained) {
      if (this.#isFull && this.#drained === before) return this.#stuck.resolve();
      await this.#sleep(PATIENCE);
    }
  }

  /** From now on all is read, and nothing is taken. */
  end(): void {
    this.#ended.abort();
    this.#isHeld = false;
    this.#isFull = false;
    this.#update();
  }

  #update(): void {
    if (this.#isFull || this.#isHeld) this.#client.pause();
    else this.#client.resume();
  }

  async #sleep(duration: number): Promise<void> {
    // It ends early with the command.
    await this.#clock.sleep(duration, this.#ended.signal).catch(() => {});
  }
}
