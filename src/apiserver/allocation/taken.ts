/**
 * Which claims there are, in memory, so that choosing a free address costs no reading. It follows the store and may be
 * behind it: whether a claim is free is decided by the transaction that makes it.
 */
import type { Logger } from '../../host/log.ts';
import { CompactedError, type Store } from '../../store/store.ts';
import type { Settlement } from '../admission.ts';
import { CLAIM_PREFIXES } from './claims.ts';

export class TakenClaims {
  readonly #store: Store;
  readonly #log: Logger;
  readonly #keys = new Set<string>();

  constructor(store: Store, log: Logger) {
    this.#store = store;
    this.#log = log;
  }

  /** Reads the claims, and follows them until the signal is aborted. */
  async start(signal: AbortSignal): Promise<void> {
    for (const prefix of CLAIM_PREFIXES) {
      const revision = await this.#read(prefix);
      void this.#follow(prefix, revision, signal);
    }
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }

  /** Reads everything again: before it is said that nothing is free. */
  async refresh(): Promise<void> {
    for (const prefix of CLAIM_PREFIXES) await this.#read(prefix);
  }

  /** Learns at once what the watch would tell a moment later. */
  settled({ written, taken }: Settlement): void {
    for (const { kind, key } of written) if (isClaimKey(key)) this.#set(key, kind === 'put');
    for (const key of taken) if (isClaimKey(key)) this.#keys.add(key);
  }

  #set(key: string, isTaken: boolean): void {
    if (isTaken) this.#keys.add(key);
    else this.#keys.delete(key);
  }

  async #read(prefix: string): Promise<number> {
    const { entries, revision } = await this.#store.list(prefix);
    const found = new Set(entries.map(({ key }) => key));
    for (const key of this.#keys) if (key.startsWith(prefix) && !found.has(key)) this.#keys.delete(key);
    for (const key of found) this.#keys.add(key);
    return revision;
  }

  async #follow(prefix: string, from: number, signal: AbortSignal): Promise<void> {
    let revision = from;
    while (!signal.aborted) {
      try {
        for await (const batch of this.#store.watch(prefix, revision, signal)) {
          for (const event of batch.events) {
            this.#set(event.kind === 'put' ? event.entry.key : event.key, event.kind === 'put');
          }
          revision = batch.revision;
        }
        return;
      } catch (error) {
        if (!(error instanceof CompactedError)) {
          // Without news, choices are tried in vain more often; they are never wrong.
          this.#log.error({ err: error, prefix }, 'no longer following which addresses and ports are taken');
          return;
        }
        revision = await this.#read(prefix);
      }
    }
  }
}

function isClaimKey(key: string): boolean {
  return CLAIM_PREFIXES.some((prefix) => key.startsWith(prefix));
}
