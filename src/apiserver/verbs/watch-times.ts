/** When watches are due, for their next bookmark or their end: one timer for all whose time comes within the same moment. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from '../../host/clock.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { Revision, Store } from '../../store/store.ts';

/** Those whose times are no further apart are due together. The watches of one connection, too, which then tell all in one packet. */
const MOMENT = milliseconds(250);
/** So many are called in a row before others get their turn. */
const CHUNK = 64;

export interface Due {
  /** `newest` asks how far the store has come, once for all that are due together. */
  due(newest: () => Promise<Revision>): void;
}

interface Slot {
  readonly due: Set<Due>;
  /** Aborted when nobody waits for it any more. */
  readonly left: AbortController;
}

export class WatchTimes {
  readonly #clock: Clock;
  readonly #store: Pick<Store, 'revision'>;
  /** By their time, in moments. */
  readonly #slots = new Map<number, Slot>();

  constructor(clock: Clock, store: Pick<Store, 'revision'>) {
    this.#clock = clock;
    this.#store = store;
  }

  /** Has it called at a time of the clock's steady ones, or up to a moment later, and returns what to {@link leave} with. */
  enter(at: number, due: Due): number {
    const number = Math.ceil(at / MOMENT);
    const slot = this.#slots.get(number) ?? this.#open(number);
    slot.due.add(due);
    return number;
  }

  leave(number: number, due: Due): void {
    const slot = this.#slots.get(number);
    if (slot === undefined || !slot.due.delete(due) || slot.due.size > 0) return;
    this.#slots.delete(number);
    slot.left.abort();
  }

  #open(number: number): Slot {
    const slot: Slot = { due: new Set(), left: new AbortController() };
    this.#slots.set(number, slot);
    void this.#wait(number, slot);
    return slot;
  }

  async #wait(number: number, { due, left }: Slot): Promise<void> {
    try {
      await this.#clock.sleep(number * MOMENT - this.#clock.steady(), left.signal);
    } catch (error) {
      if (left.signal.aborted) return;
      throw error;
    }
    this.#slots.delete(number);
    let asked: Promise<Revision> | undefined;
    const newest = () => {
      asked ??= this.#store.revision();
      return asked;
    };
    let called = 0;
    for (const one of due) {
      one.due(newest);
      if (++called % CHUNK === 0) await nextTurn();
    }
  }
}
