/** Asks the upstream servers: in turn, each for a limited time, and only so many questions at once. */
import { randomInt } from 'node:crypto';
import { type Clock, systemClock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { type Duration, seconds } from '../../lib/duration.ts';
import { RCODE } from '../wire/message.ts';
import { decodeHeader, encodeQuery, type Outgoing } from '../wire/query.ts';
import { type Exchange, exchanges, type Transport } from './exchange.ts';
import type { Upstream } from './upstreams.ts';

export interface ForwarderOptions {
  readonly upstreams: readonly Upstream[];
  readonly log: Logger;
  readonly clock?: Clock;
  readonly exchange?: Readonly<Record<Transport, Exchange>>;
}

export type Forwarded =
  /** The whole answer, with an id of ours that the caller replaces. */
  | { readonly kind: 'answer'; readonly bytes: Uint8Array }
  | { readonly kind: 'failed'; readonly why: 'no-upstream' | 'busy' | 'no-answer' };

/** How long one server may take. A stub resolver asks again after 5 s: RFC 1035 section 7.2 and resolv.conf(5). */
const ATTEMPT_TIMEOUT: Duration = seconds(1.5);
/** Attempts for one question, over all servers. */
const ATTEMPTS = 3;
/** Questions under way at once; each holds a socket. */
const IN_FLIGHT_LIMIT = 512;
/** The same for one client, so that none can use up what all share. */
const CLIENT_LIMIT = 128;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #clock: Clock;
  readonly #exchange: Readonly<Record<Transport, Exchange>>;
  #inFlight = 0;
  readonly #inFlightOf = new Map<string, number>();
  /** The server that answered last is asked first. */
  #preferred = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#exchange = options.exchange ?? exchanges;
  }

  /**
   * Forwards the question of a client, named by its address; the answer comes over the transport that the client used,
   * so that its size limits hold.
   */
  async forward(query: Outgoing, transport: Transport, client: string, signal: AbortSignal): Promise<Forwarded> {
    if (this.#options.upstreams.length === 0) return { kind: 'failed', why: 'no-upstream' };
    const own = this.#inFlightOf.get(client) ?? 0;
    if (this.#inFlight >= IN_FLIGHT_LIMIT || own >= CLIENT_LIMIT) return { kind: 'failed', why: 'busy' };
    this.#inFlight++;
    this.#inFlightOf.set(client, own + 1);
    try {
      return await this.#tryInTurn(query, transport, signal);
    } finally {
      this.#inFlight--;
      this.#release(client);
    }
  }

  #release(client: string): void {
    const left = (this.#inFlightOf.get(client) ?? 1) - 1;
    if (left === 0) this.#inFlightOf.delete(client);
    else this.#inFlightOf.set(client, left);
  }

  async #tryInTurn(query: Outgoing, transport: Transport, signal: AbortSignal): Promise<Forwarded> {
    const { upstreams, log } = this.#options;
    let last: Uint8Array | undefined;
    const first = this.#preferred;
    for (let attempt = 0; attempt < ATTEMPTS && !signal.aborted; attempt++) {
      const which = (first + attempt) % upstreams.length;
      const upstream = upstreams[which];
      if (upstream === undefined) break;
      try {
        last = await this.#ask(upstream, query, transport, signal);
        if (decodeHeader(last).rcode !== RCODE.SERVFAIL) {
          this.#preferred = which;
          return { kind: 'answer', bytes: last };
        }
      } catch (err) {
        log.debug({ err, upstream: upstream.address }, 'an upstream DNS server did not answer');
      }
    }
    return last === undefined ? { kind: 'failed', why: 'no-answer' } : { kind: 'answer', bytes: last };
  }

  async #ask(upstream: Upstream, query: Outgoing, transport: Transport, signal: AbortSignal): Promise<Uint8Array> {
    const attempt = new AbortController();
    const both = AbortSignal.any([signal, attempt.signal]);
    const timeout = this.#clock.sleep(ATTEMPT_TIMEOUT, both).then(
      () => attempt.abort(new Error(`no answer within ${ATTEMPT_TIMEOUT} ms`)),
      () => {}, // Answered, or the server is ending: nothing to time any more.
    );
    try {
      return await this.#exchange[transport](upstream, encodeQuery(randomInt(0x10000), query), both);
    } finally {
      attempt.abort();
      await timeout;
    }
  }
}
