/** What came of the last attempt for each Service, and when the next is due. Kept in memory: it only saves questions. */
import type { Service } from '../../../api/core/v1/service.ts';
import { type Duration, milliseconds, minutes } from '../../../lib/duration.ts';
import type { Ensured } from '../provider.ts';
import { PROVIDER_ANNOTATION } from './marks.ts';
import type { Failed } from './status.ts';
import { Waits, type WaitsOptions } from './waits.ts';

/** A provider's wish to be asked again is kept to within these. */
const SOONEST: Duration = milliseconds(100);
const LATEST: Duration = minutes(5);

export interface Wish {
  /** What of a Service a provider is told; `''`: it is to be removed. */
  readonly service: string;
  /** What of its nodes. */
  readonly backends: string;
}

/** What it is that is new: what the Service asks, or only the nodes that it is led to. */
export type News = 'service' | 'nodes';

export interface Attempt {
  readonly outcome: Ensured | Failed;
  /** What people are to be told of once it is done; undefined: they were. */
  readonly news: News | undefined;
  /** Warnings that they were told of. */
  readonly warnings: readonly string[];
}

export interface Standing extends Wish, Attempt {
  /** Milliseconds of the steady clock. */
  readonly due: number;
}

export class Standings {
  readonly #waits: Waits;
  readonly #standings = new Map<string, Standing>();

  constructor(options: WaitsOptions) {
    this.#waits = new Waits(options);
  }

  get(key: string): Standing | undefined {
    return this.#standings.get(key);
  }

  /** Notes what came of an attempt that ended now. Returns the milliseconds until the next is due. */
  note(key: string, wish: Wish, attempt: Attempt, now: number): number {
    const wait = this.#wait(key, attempt.outcome, now);
    this.#standings.set(key, { ...wish, ...attempt, due: now + wait });
    return wait;
  }

  forget(key: string): void {
    this.#standings.delete(key);
    this.#waits.forget(key);
  }

  #wait(key: string, outcome: Ensured | Failed, now: number): number {
    if (outcome.kind === 'failed') return this.#waits.failed(key, outcome.cause, now);
    const next = this.#waits.succeeded(key);
    return outcome.kind === 'waiting' ? Math.min(Math.max(outcome.after, SOONEST), LATEST) : next;
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
