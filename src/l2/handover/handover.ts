/** Has the kernel pass on what belongs to connections through a former announcer, while that still works. */
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import { familyOf } from '../../lib/ip.ts';
import { type Netfilter, TransactionError } from '../../netfilter/netfilter.ts';
import type { FromLan, LanPort } from '../lan/messages.ts';
import { ENTRY_SECONDS, entryChange, NO_TABLES, wholeTables } from './table.ts';

export interface HandoverOptions {
  /** Undefined: there is none here, and connections end when an address moves. */
  readonly netfilter: Netfilter | undefined;
  readonly lan: LanPort;
  /** A node's InternalIPs, in canonical text. */
  readonly addressesOf: (node: string) => readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
}

const RENEWAL = seconds(ENTRY_SECONDS / 3);
/** Addresses of one transaction, which two operations each keep small enough for the quick way into the kernel. */
const BATCH = 120;

export class Handover {
  readonly #options: HandoverOptions;
  /** What the kernel has. */
  readonly #formers = new Map<string, string>();
  /** What it is to have; undefined: nothing. */
  readonly #wanted = new Map<string, string | undefined>();
  /** Whether the kernel has our tables; none yet, or something was refused. */
  #isLoaded = false;
  #isMissing: boolean;
  #isWorking = false;
  #signal: AbortSignal = AbortSignal.abort();

  constructor(options: HandoverOptions) {
    this.#options = options;
    this.#isMissing = options.netfilter === undefined;
    options.lan.onMessage((message) => this.#receive(message));
  }

  /**
   * Takes what an earlier run has left away, and renews what there is until the signal is aborted. What the kernel has then ends by
   * itself, or by {@link cleanupHandover}.
   */
  start(signal: AbortSignal): void {
    this.#signal = signal;
    if (this.#isMissing) {
      this.#options.log.warn({}, 'without nftables, connections do not outlive a planned move of their address');
      return;
    }
    void this.#work();
    void this.#renew(signal);
  }

  #receive(message: FromLan): void {
    if (message.kind === 'handover-over') this.#want(message.address, undefined);
    if (message.kind !== 'takeover' || !message.planned) return;
    const { address, from } = message;
    const to = from && this.#options.addressesOf(from).find((one) => familyOf(one) === familyOf(address));
    if (to === undefined || this.#isMissing) this.#ready(address);
    else this.#want(address, to);
  }

  #want(address: string, former: string | undefined): void {
    if (this.#isMissing || this.#signal.aborted) return;
    this.#wanted.set(address, former);
    // What comes in one go is one transaction.
    if (!this.#isWorking) setImmediate(() => void this.#work());
  }

  async #work(): Promise<void> {
    if (this.#isWorking || this.#isMissing) return;
    this.#isWorking = true;
    try {
      do await this.#applySome();
      while (this.#wanted.size > 0 && !this.#signal.aborted);
    } catch (err) {
      this.#isMissing = true;
      this.#options.log.warn({ err }, 'connections do not outlive a planned move of their address: nftables refuses');
    } finally {
      this.#isWorking = false;
      if (this.#isMissing) for (const address of this.#wanted.keys()) this.#ready(address);
    }
  }

  async #applySome(): Promise<void> {
    const some = [...this.#wanted].slice(0, BATCH);
    await this.#apply(some);
    for (const [address, former] of some) {
      if (this.#wanted.get(address) === former) this.#wanted.delete(address);
      if (former !== undefined) this.#ready(address);
    }
  }

  async #apply(changes: readonly (readonly [string, string | undefined])[]): Promise<void> {
    const { netfilter, log } = this.#options;
    const transaction = changes.flatMap(([address, after]) => entryChange(address, this.#formers.get(address), after));
    for (const [address, after] of changes) {
      if (after === undefined) this.#formers.delete(address);
      else this.#formers.set(address, after);
    }
    if (this.#isLoaded) {
      try {
        if (transaction.length > 0) await netfilter?.apply(transaction);
        return;
      } catch (err) {
        if (!(err instanceof TransactionError)) throw err;
        // Somebody has flushed the rules, or entries have ended while the machine slept.
        log.debug({ err }, 'the rules of addresses that moved are loaded anew');
      }
    }
    await netfilter?.apply(wholeTables(this.#formers));
    this.#isLoaded = true;
  }

  async #renew(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(RENEWAL, signal).catch(() => {}); // The signal is checked by the loop.
      if (signal.aborted) return;
      for (const [address, former] of this.#formers) {
        if (!this.#wanted.has(address)) this.#want(address, former);
      }
    }
  }

  #ready(address: string): void {
    this.#options.lan.send({ kind: 'handover-ready', address });
  }
}

/** Takes our tables away, also what a run that was killed has left. */
export async function cleanupHandover(netfilter: Netfilter): Promise<void> {
  await netfilter.apply(NO_TABLES);
}
