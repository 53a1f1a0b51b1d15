/** Services that cannot be programmed, for what the kernel says: told on the Service, and tried again after a while or when they change. */
import type { Service } from '../../api/core/v1/service.ts';
import { BackOff } from '../../client/back-off.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { seconds } from '../../lib/duration.ts';
import type { Refusal } from './isolate.ts';

/** How much of what the kernel said goes into an event, which has a limit. */
const REASON_LIMIT = 400;

export interface RefusalsOptions {
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  /** Called when a Service is to be tried again. */
  readonly retry: (service: string) => void;
}

interface Refused {
  readonly backOff: BackOff;
  /** It is going to be tried again. */
  waiting: boolean;
}

export class Refusals {
  readonly #options: RefusalsOptions;
  readonly #refused = new Map<string, Refused>();

  constructor(options: RefusalsOptions) {
    this.#options = options;
  }

  /** How many Services are refused. */
  get size(): number {
    return this.#refused.size;
  }

  /** They are, by name. */
  services(): readonly string[] {
    return [...this.#refused.keys()].sort();
  }

  /** Takes note of what became of these Services. */
  note(
    tried: Iterable<string>,
    refused: readonly Refusal[],
    find: (service: string) => Service | undefined,
    signal: AbortSignal,
  ): void {
    const errors = new Map(refused.map(({ service, error }) => [service, error]));
    for (const service of tried) if (!errors.has(service)) this.#refused.delete(service);
    for (const [service, error] of errors) this.#refuse(service, error, find(service), signal);
  }

  #refuse(service: string, error: Error, object: Service | undefined, signal: AbortSignal): void {
    const { events, clock, log, retry } = this.#options;
    const entry = this.#refused.get(service) ?? newlyRefused();
    this.#refused.set(service, entry);
    log.error({ err: error, service }, 'a Service cannot be programmed; it keeps the rules that it had');
    if (object !== undefined) {
      const reason = error.message.slice(0, REASON_LIMIT);
      const message = `This node cannot program the Service, which keeps the rules that it had: ${reason}`;
      events.event(object, 'Warning', 'FailedToProgram', message);
    }
    if (entry.waiting) return;
    entry.waiting = true;
    clock.sleep(entry.backOff.next(), signal).then(
      () => {
        entry.waiting = false;
        if (this.#refused.get(service) === entry) retry(service);
      },
      () => {}, // The proxy ends.
    );
  }
}

const newlyRefused = (): Refused => ({
  backOff: new BackOff({ first: seconds(5), max: seconds(300), jitter: 0.1 }),
  waiting: false,
});
