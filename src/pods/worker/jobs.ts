/** Work under way for one pod, by name: never two pieces of one name at a time. */
import type { Clock } from '../../host/clock.ts';
import { seconds } from '../../lib/duration.ts';
import type { Problem } from '../parts.ts';
import { isRuntimeLost, whyOf } from './errors.ts';

/** How long what failed is left alone: doubles from the first to the last. */
const PAUSE = { first: seconds(1), last: seconds(20) } as const;

export interface JobsOptions {
  readonly clock: Clock;
  /** A piece of work has ended: it is time to decide anew. */
  readonly ended: (name: string) => void;
}

/** What is under way for a pod, what failed of it, and until when that is left alone. */
export class Jobs {
  readonly #options: JobsOptions;
  readonly #running = new Map<string, Promise<void>>();
  readonly #failures = new Map<string, number>();
  readonly problems = new Map<string, Problem>();
  /** Until when what failed is not to be tried again, in milliseconds of the wall clock. */
  readonly pauses = new Map<string, number>();
  readonly #busy = new Set<string>();

  constructor(options: JobsOptions) {
    this.#options = options;
  }

  get busy(): ReadonlySet<string> {
    return this.#busy;
  }

  /** Starts work, whose answer is what kept it from being done. One that is under way under that name goes on instead. */
  run(name: string, work: () => Promise<Problem | undefined>): void {
    if (this.#busy.has(name)) return;
    this.#busy.add(name);
    const running = this.#watch(name, work);
    this.#running.set(name, running);
    void running.then(() => {
      this.#running.delete(name);
      this.#options.ended(name);
    });
  }

  /** Resolves when all that is under way now has ended. */
  async allEnded(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Resolves when all that is under way now has ended, but the one of that name. */
  async othersEnded(name: string): Promise<void> {
    await Promise.all([...this.#running].flatMap(([other, running]) => (other === name ? [] : [running])));
  }

  /** Has everything that failed tried again now: what it missed may be there. */
  retry(): void {
    this.pauses.clear();
  }

  async #watch(name: string, work: () => Promise<Problem | undefined>): Promise<void> {
    try {
      this.#settle(name, await work());
    } catch (error) {
      // Without a runtime nothing is the pod's fault, and there is no end to what could be said.
      if (isRuntimeLost(error)) this.pauses.set(name, this.#options.clock.now() + PAUSE.first);
      else this.#settle(name, { kind: 'problem', reason: 'InternalError', message: whyOf(error) });
    } finally {
      this.#busy.delete(name);
    }
  }

  #settle(name: string, problem: Problem | undefined): void {
    if (problem === undefined) {
      this.problems.delete(name);
      this.pauses.delete(name);
      this.#failures.delete(name);
      return;
    }
    const failures = this.#failures.get(name) ?? 0;
    this.#failures.set(name, failures + 1);
    this.problems.set(name, problem);
    const pause = problem.retryAfter ?? Math.min(PAUSE.last, PAUSE.first * 2 ** Math.min(failures, 10));
    this.pauses.set(name, this.#options.clock.now() + pause);
  }
}
