/**
 * Calls to whichever member can be asked. Reads are repeated until they are answered; a write is sent again only after a
 * member has said that nothing was done. Whatever happens, an answer or an error comes in bounded time.
 */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { Cluster } from './cluster.ts';
import type { Connection } from './connection.ts';
import { StoreDeniedError, StoreUnavailableError } from './errors.ts';
import { CallError } from './failure.ts';
import type { CallName, RequestOf, RequestOp, ResponseOf } from './messages.ts';
import { Together } from './together.ts';

/** Milliseconds for one attempt at a read; a page of a list is about 1 MiB. */
const READ_ATTEMPT = 2500;

const PAUSE = 50;

/** Milliseconds for which an etcd that has answered is believed to have its quorum still. */
const QUORUM_SEEN = 50;

/** How often a token may turn out to be old in one call. */
const RENEWALS = 3;

export interface User {
  readonly name: string;
  readonly password: string;
}

export interface CallsOptions {
  readonly cluster: Cluster;
  readonly user: User | undefined;
  /** Milliseconds for one thing that is asked, however often it is tried. */
  readonly timeout: number;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Calls {
  readonly cluster: Cluster;
  readonly #user: User | undefined;
  /** Milliseconds for one thing that is asked, however often it is tried. */
  readonly #timeout: number;
  readonly #clock: Clock;
  readonly #log: Logger;
  /** When a quorum last agreed on an answer, of `performance.now()`. */
  #answered = Number.NEGATIVE_INFINITY;
  /** A question whether there is a quorum, for all who have to know. */
  #asking: Promise<unknown> | undefined;
  readonly #writes = new Together();
  #token: Promise<string | undefined> | undefined;

  constructor({ cluster, user, timeout, clock, log }: CallsOptions) {
    this.cluster = cluster;
    this.#user = user;
    this.#timeout = timeout;
    this.#clock = clock;
    this.#log = log;
  }

  /** What can be done twice. Throws {@link StoreUnavailableError}, {@link StoreDeniedError}, or a {@link CallError} that no other attempt changes. */
  async read<Name extends CallName>(name: Name, request: RequestOf<Name>): Promise<ResponseOf<Name>> {
    return this.#attempts(name, request, READ_ATTEMPT, true);
  }

  /**
   * What must not be done twice. It is not sent before etcd has shown lately that it has a quorum: without one it would get no answer, and nobody
   * could say whether it was made. Throws as {@link read}, and a {@link CallError} of kind `lost` when there was no answer.
   */
  async write(request: RequestOf<'Txn'>): Promise<ResponseOf<'Txn'>> {
    if (performance.now() - this.#answered > QUORUM_SEEN) {
      this.#asking ??= this.read('Range', probeOf(request)).finally(() => {
        this.#asking = undefined;
      });
      await this.#asking;
    }
    return this.#writes.run(() => this.#attempts('Txn', request, this.#timeout, false));
  }

  /** The token to watch with, where there are users. Undefined: none is needed. */
  token(member: Connection): Promise<string | undefined> {
    if (this.#user === undefined) return Promise.resolve(undefined);
    if (this.#token === undefined) {
      const token = this.#authenticate(member, this.#user);
      this.#token = token;
      token.catch(() => this.forget(token));
    }
    return this.#token;
  }

  /** The token is not taken any more: the next call gets a new one. */
  forget(token = this.#token): void {
    if (this.#token === token) this.#token = undefined;
  }

  async #attempts<Name extends CallName>(
    name: Name,
    request: RequestOf<Name>,
    timeout: number,
    repeatable: boolean,
  ): Promise<ResponseOf<Name>> {
    const end = performance.now() + this.#timeout;
    for (let renewals = 0; ; ) {
      const member = await this.cluster.member(end);
      const started = performance.now();
      const limit = Math.min(timeout, Math.max(1, end - started));
      const used = this.#token;
      try {
        // Awaited only where there is one: calls of the same moment leave in the order they were made.
        const token = this.#user === undefined ? undefined : await this.token(member);
        const answer = await member.call(name, request, limit, token);
        this.#answered = performance.now();
        return answer;
      } catch (error) {
        if (!(error instanceof CallError)) throw error;
        if (error.kind === 'denied') throw new StoreDeniedError('etcd does not allow it', error);
        if (error.kind === 'token' && this.#user !== undefined && ++renewals <= RENEWALS) {
          this.forget(used ?? this.#token);
          continue;
        }
        if (error.kind === 'token') throw new StoreDeniedError('etcd asks for a user', error);
        // One that is merely slow stays: its health is asked for elsewhere.
        const broken = error.kind === 'lost' && performance.now() - started < limit;
        if (error.kind === 'refused' || broken) this.cluster.lose(member, error);
        // A token that could not be had means that the call itself was never made.
        const undone =
          error.kind === 'refused' || error.kind === 'busy' || (error.kind === 'lost' && error.call === 'Authenticate');
        if (!undone && !(error.kind === 'lost' && repeatable)) throw error;
        if (performance.now() + PAUSE >= end) throw new StoreUnavailableError('ask etcd', error);
      }
      await this.#clock.sleep(PAUSE);
    }
  }

  async #authenticate(member: Connection, user: User): Promise<string | undefined> {
    try {
      return (await member.call('Authenticate', user, READ_ATTEMPT)).token;
    } catch (error) {
      if (!(error instanceof CallError) || error.kind !== 'rejected') throw error;
      this.#log.warn(
        { err: error, user: user.name },
        'etcd has authentication switched off; anybody may read and write',
      );
      return undefined;
    }
  }
}

/** A read of next to nothing, of a key that the user may read. */
function probeOf({ compare, success: [operation] }: RequestOf<'Txn'>): RequestOf<'Range'> {
  const key = compare[0]?.key ?? (operation && keyOf(operation));
  if (key === undefined) throw new Error('a transaction that does nothing is not sent');
  return { key, countOnly: true };
}

function keyOf(operation: RequestOp): Uint8Array {
  if ('requestPut' in operation) return operation.requestPut.key;
  return 'requestRange' in operation ? operation.requestRange.key : operation.requestDeleteRange.key;
}
