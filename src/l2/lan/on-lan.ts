/** Whether this node can reach its LAN at all: what tells the node whose cable is cut from all the others. */
import type { Clock } from '../../host/clock.ts';
import { milliseconds } from '../../lib/duration.ts';
import type { Announcing } from './parts.ts';

export interface OnLanParts {
  readonly announcing: Announcing;
  readonly clock: Clock;
  /** Addresses of the LAN of which one should answer: of routers, and of the other nodes. */
  readonly gateways: () => readonly string[];
  readonly peers: () => readonly string[];
  /** Whether no other node's heartbeats arrive: while they do, the LAN is there. */
  readonly isAlone: () => boolean;
  readonly onChange: (onLan: boolean) => void;
}

const LOOK_INTERVAL = milliseconds(500);
/** How long neighbours may take to answer. */
const ANSWER_LIMIT = milliseconds(300);
/** Other nodes that are asked at a time: where no heartbeats are sent, all nodes ask. */
const ASKED = 3;
/** Silence of so many looks in a row counts: one question may be lost. */
const SILENT_LOOKS = 2;

export class OnLan {
  readonly #parts: OnLanParts;
  #value = true;
  #silentLooks = 0;
  #frames = 0;
  #next = 0;

  constructor(parts: OnLanParts) {
    this.#parts = parts;
  }

  get value(): boolean {
    return this.#value;
  }

  start(signal: AbortSignal): void {
    void this.#run(signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#look();
      await this.#parts.clock.sleep(LOOK_INTERVAL, signal).catch(() => {}); // The signal is checked by the loop.
    }
  }

  async #look(): Promise<void> {
    const seen = await this.#seesSomebody();
    this.#silentLooks = seen ? 0 : this.#silentLooks + 1;
    const value = this.#silentLooks < SILENT_LOOKS;
    if (value === this.#value) return;
    this.#value = value;
    this.#parts.onChange(value);
  }

  async #seesSomebody(): Promise<boolean> {
    const { announcing, isAlone, peers } = this.#parts;
    // One machine alone has nobody to be cut off from.
    if (peers().length === 0 || !isAlone()) return true;
    const { carrier, foreignFrames } = announcing.evidence();
    const moved = foreignFrames !== this.#frames;
    this.#frames = foreignFrames;
    if (!carrier) return false;
    return moved || (await announcing.ask(this.#neighbours(), ANSWER_LIMIT));
  }

  /** The routers, and some of the nodes in turn. */
  #neighbours(): readonly string[] {
    const { gateways, peers } = this.#parts;
    const all = peers();
    const some = Array.from({ length: Math.min(ASKED, all.length) }, (_, i) => all[(this.#next + i) % all.length]);
    this.#next = (this.#next + some.length) % all.length;
    return [...gateways(), ...some.filter((address) => address !== undefined)];
  }
}
