/**
 * Which claims there are, in memory, so that choosing a free address costs no reading. It follows the store and may be
 * behind it: whether a claim is free is decided by the transaction that makes it.
 */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import type { Entry, Store } from '../../store/store.ts';
import type { Settlement } from '../admission.ts';
import { type Follower, follow } from '../storage/follow.ts';
import { CLAIM_PREFIXES } from './claims.ts';

export interface TakenClaimsParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
}

export class TakenClaims {
  readonly #parts: TakenClaimsParts;
  readonly #keys = new Set<string>();

  constructor(parts: TakenClaimsParts) {
    this.#parts = parts;
  }

  /** Reads the claims, and follows them until the signal is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    for (const prefix of CLAIM_PREFIXES) {
      const follower: Follower = {
        reset: (entries) => this.#replace(prefix, entries),
        apply: (event) => this.#set(event.kind === 'put' ? event.entry.key : event.key, event.kind === 'put'),
      };
      await follow(this.#parts, prefix, follower, signal);
    }
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Reads everything again: before it is said that nothing is free. */
  async refresh(): Promise<void> {
    for (const prefix of CLAIM_PREFIXES) this.#replace(prefix, (await this.#parts.store.list(prefix)).entries);
  }

  /** Learns at once what the watch would tell a moment later. */
  settled({ written, stale }: Settlement): void {
    for (const { kind, key } of written) if (isClaimKey(key)) this.#set(key, kind === 'put');
    for (const { key, isThere } of stale) if (isClaimKey(key)) this.#set(key, isThere);
  }

  #set(key: string, isTaken: boolean): void {
    if (isTaken) this.#keys.add(key);
    else this.#keys.delete(key);
  }

  #replace(prefix: string, entries: readonly Entry[]): void {
    const found = new Set(entries.map(({ key }) => key));
    for (const key of this.#keys) if (key.startsWith(prefix) && !found.has(key)) this.#keys.delete(key);
    for (const key of found) this.#keys.add(key);
  }
}

function isClaimKey(key: string): boolean {
  return CLAIM_PREFIXES.some((prefix) => key.startsWith(prefix));
}
