/** Pods that no node takes, until something changes that could help them. */
import type { Clock } from '../../host/clock.ts';
import type { News } from './cluster.ts';
import type { Hindrance } from './refusal.ts';

/** Milliseconds from one try to the next: the first comes at once, then as Kubernetes' scheduler waits. */
const BACK_OFF = { first: 1000, most: 10_000 } as const;

/** What kind of change helps against which hindrance. */
const HELPS: Readonly<Record<News, readonly Hindrance[]>> = {
  none: [],
  node: ['node', 'room', 'pods'],
  'pod-arrived': ['pods'],
  'pod-left': ['room', 'pods'],
};

interface Refused {
  readonly uid: string;
  readonly priority: number;
  readonly hindrances: ReadonlySet<Hindrance>;
  readonly tries: number;
  readonly at: number;
  /** Looks for a change still; else it is on its way to another try. */
  readonly isWaiting: boolean;
}

/** A pod that is to be tried again. */
export interface Retry {
  readonly key: string;
  /** Milliseconds from now. */
  readonly after: number;
}

/** The pods that were refused, and why. */
export class Waiting {
  readonly #clock: Clock;
  readonly #refused = new Map<string, Refused>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that nothing takes a pod now. */
  add(pod: { readonly key: string; readonly uid: string }, priority: number, hindrances: ReadonlySet<Hindrance>): void {
    const before = this.#refused.get(pod.key);
    const tries = before?.uid === pod.uid ? before.tries + 1 : 1;
    const { uid } = pod;
    this.#refused.set(pod.key, { uid, priority, hindrances, tries, at: this.#clock.steady(), isWaiting: true });
  }

  /** Forgets a pod that has its place, or is gone. */
  delete(key: string): void {
    this.#refused.delete(key);
  }

  /** Those that are worth another try after a change, the most important first, else those that have waited longest. */
  retries(news: News): readonly Retry[] {
    const helped = HELPS[news];
    if (helped.length === 0) return [];
    const found = [...this.#refused].filter(([, { isWaiting, hindrances }]) => {
      // Without any node there was nothing to be hindered by.
      return isWaiting && (hindrances.size === 0 || helped.some((each) => hindrances.has(each)));
    });
    for (const [key, refused] of found) this.#refused.set(key, { ...refused, isWaiting: false });
    const ordered = found.sort(([, a], [, b]) => b.priority - a.priority || a.at - b.at);
    return ordered.map(([key, refused]) => ({ key, after: this.#pause(refused) }));
  }

  #pause({ tries, at }: Refused): number {
    if (tries < 2) return 0;
    const pause = Math.min(BACK_OFF.most, BACK_OFF.first * 2 ** Math.min(tries - 2, 10));
    return Math.max(0, at + pause - this.#clock.steady());
  }
}
