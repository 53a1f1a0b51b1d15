/** What the thread on the LAN has been told and has said, for when it fails: pure. */
import type { AddressPlan, ConflictStatus, FromLan, ToLan } from './messages.ts';

/** Of these, the latest says everything. */
const LATEST = ['self', 'peers', 'keys', 'api', 'synced', 'leave'] as const;
type Latest = (typeof LATEST)[number];

export class Memory {
  readonly #latest = new Map<Latest, ToLan>();
  readonly #plans = new Map<string, AddressPlan>();
  /** Questions that wait for their answers. */
  readonly #asked = new Map<number, ToLan>();
  readonly #announced = new Set<string>();
  readonly #conflicts = new Map<string, ConflictStatus>();
  readonly #handovers = new Set<string>();

  sent(message: ToLan): void {
    if (message.kind === 'plans') {
      for (const plan of message.changed) this.#plans.set(plan.address, plan);
      for (const address of message.removed) this.#plans.delete(address);
    } else if (message.kind === 'ask') this.#asked.set(message.id, message);
    else if (message.kind !== 'handover-ready') this.#latest.set(message.kind, message);
  }

  received(message: FromLan): void {
    switch (message.kind) {
      case 'announcing':
        this.#announced.add(message.announced.address);
        break;
      case 'withdrawn':
        this.#announced.delete(message.address);
        break;
      case 'conflict': {
        const key = `${message.conflict.address} ${message.conflict.interface}`;
        if (message.state === 'begun') this.#conflicts.set(key, message.conflict);
        else this.#conflicts.delete(key);
        break;
      }
      case 'takeover':
        if (message.planned) this.#handovers.add(message.address);
        break;
      case 'handover-over':
        this.#handovers.delete(message.address);
        break;
      case 'status':
        this.#asked.delete(message.id);
        break;
    }
  }

  /** Everything that a new thread has to know, in an order that it can act on. */
  *toSend(): Iterable<ToLan> {
    for (const kind of ['self', 'keys', 'peers', 'api'] as const) yield* this.#one(kind);
    yield { kind: 'plans', changed: [...this.#plans.values()], removed: [] };
    for (const kind of ['synced', 'leave'] as const) yield* this.#one(kind);
    yield* this.#asked.values();
  }

  /** What a thread that has failed would still have had to say. */
  *lost(): Iterable<FromLan> {
    const why = 'the thread on the LAN has failed';
    for (const address of this.#announced) yield { kind: 'withdrawn', address, why };
    for (const conflict of this.#conflicts.values()) yield { kind: 'conflict', conflict, state: 'over' };
    for (const address of this.#handovers) yield { kind: 'handover-over', address, why };
    for (const known of [this.#announced, this.#conflicts, this.#handovers]) known.clear();
  }

  *#one(kind: Latest): Iterable<ToLan> {
    const message = this.#latest.get(kind);
    if (message !== undefined) yield message;
  }
}
