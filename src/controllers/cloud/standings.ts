/** What came of the last attempt for each Service, and when the next is due. Kept in memory: it only saves questions. */
import type { Service } from '../../api/core/v1/service.ts';
import { BackOff } from '../../client/back-off.ts';
import { type Duration, milliseconds, minutes, seconds } from '../../lib/duration.ts';
import { PROVIDER_ANNOTATION } from './marks.ts';
import type { Ensured } from './provider.ts';
import type { Failed } from './status.ts';

/** Before something that failed is tried again: doubles from the first to the last. */
const RETRY = { first: seconds(5), max: minutes(5), jitter: 0.25 };
/** A provider's wish to be asked again is kept to within these. */
const SOONEST: Duration = milliseconds(100);
const LATEST: Duration = minutes(5);
/** Share of the time between two looks that is left to chance, so that thousands do not come at once. */
const SPREAD = 0.25;

export interface Wish {
  /** What of a Service a provider is told; `''`: it is to be removed. */
  readonly service: string;
  /** What of its nodes. */
  readonly backends: string;
}

export interface Standing extends Wish {
  readonly outcome: Ensured | Failed;
  /** Milliseconds since 1970. */
  readonly due: number;
  /** People were told that it is being worked on, and not yet that it is done. */
  readonly isTold: boolean;
}

export interface StandingsOptions {
  /** How often what is ready is looked at again. */
  readonly sweep: Duration;
  /** In [0, 1). */
  readonly random: () => number;
}

export class Standings {
  readonly #options: StandingsOptions;
  readonly #standings = new Map<string, Standing>();
  readonly #backOffs = new Map<string, BackOff>();

  constructor(options: StandingsOptions) {
    this.#options = options;
  }

  get(key: string): Standing | undefined {
    return this.#standings.get(key);
  }

  /** Notes what came of an attempt that ended now. Returns the milliseconds until the next is due. */
  note(
    key: string,
    wish: Wish,
    attempt: {
      readonly outcome: Ensured | Failed;
      readonly isTold: boolean;
      readonly now: number;
      readonly retryAfter?: number;
    },
  ): number {
    const { outcome, isTold, now, retryAfter = 0 } = attempt;
    const wait = Math.max(retryAfter, this.#wait(key, outcome));
    this.#standings.set(key, { ...wish, outcome, isTold, due: now + wait });
    return wait;
  }

  forget(key: string): void {
    this.#standings.delete(key);
    this.#backOffs.delete(key);
  }

  #wait(key: string, outcome: Ensured | Failed): number {
    if (outcome.kind !== 'failed') this.#backOffs.delete(key);
    if (outcome.kind === 'waiting') return Math.min(Math.max(outcome.after, SOONEST), LATEST);
    const { sweep, random } = this.#options;
    if (outcome.kind !== 'failed') return sweep * (1 - SPREAD * random());
    const backOff = this.#backOffs.get(key) ?? new BackOff({ ...RETRY, random });
    this.#backOffs.set(key, backOff);
    return backOff.next();
  }
}

/**
 * Whether the provider is to be asked now: it is time, or something else is wanted. New nodes do not hurry a provider that
 * fails; a user who has changed something is answered at once.
 */
export function isDue(standing: Standing | undefined, wish: Wish, now: number): boolean {
  if (standing === undefined || standing.service !== wish.service || now >= standing.due) return true;
  return standing.backends !== wish.backends && standing.outcome.kind === 'ready';
}

/** What a provider is told of a Service: where this is the same, it has nothing new to do. */
export function wishOf({ metadata, spec }: Service): string {
  const { uid, annotations = {}, labels = {} } = metadata;
  const asked = Object.entries(annotations).filter(([name]) => name !== PROVIDER_ANNOTATION);
  return JSON.stringify([uid, asked.sort(), Object.entries(labels).sort(), spec]);
}

/** How long whoever failed asks to be left alone, in milliseconds. */
export function retryAfterOf(error: unknown): number {
  const after = error instanceof Error && 'retryAfter' in error ? error.retryAfter : undefined;
  return typeof after === 'number' && after > 0 ? Math.min(after, LATEST) : 0;
}
