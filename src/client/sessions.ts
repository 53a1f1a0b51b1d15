/**
 * Connections of HTTP/2 to one API server: one for all requests and watches, which is made when the first is asked for, and others only where
 * the server lets no more be asked on it at a time.
 */
import { NoHTTP2Error, NotConnectedError } from './connection-errors.ts';
import type { RequestParts } from './request-parts.ts';
import type { Answer, Session } from './session.ts';

export class Sessions {
  readonly #connect: () => Session;
  readonly #sessions = new Set<Session>();

  constructor(connect: () => Session) {
    this.#connect = connect;
  }

  /**
   * Asks; resolves with the head of the answer. `closed` is called once, when all is over. Rejects with {@link NoHTTP2Error} where
   * the server does not speak HTTP/2, with {@link NotConnectedError} where it was not reached.
   */
  async open(request: RequestParts, closed: () => void): Promise<Answer> {
    let session: Session;
    try {
      session = await this.#connected(request);
    } catch (error) {
      closed();
      throw error;
    }
    return await session.open(request, closed);
  }

  /** Ends all of them; what is under way fails with `cause`. */
  destroy(cause?: Error): void {
    for (const session of this.#sessions) session.destroy(cause);
    this.#sessions.clear();
  }

  /** Ends what only reads, with `cause`. The connections end with the last answer. */
  endReads(cause: Error): void {
    for (const session of this.#sessions) session.endReads(cause);
  }

  async #connected({ watch }: RequestParts): Promise<Session> {
    let found: Session | undefined;
    for (const session of this.#sessions) {
      if (session.isOver) this.#sessions.delete(session);
      else if (session.hasRoom(watch)) found ??= session;
    }
    const session = found ?? this.#connect();
    this.#sessions.add(session);
    session.enter();
    try {
      await session.ready;
      return session;
    } catch (error) {
      session.leave();
      throw error instanceof NoHTTP2Error ? error : new NotConnectedError(error);
    }
  }
}
