/** Services with more endpoints than a node forwards to: told on the Service when it comes to that, and kept for metrics. */
import { MAX_ENDPOINTS } from '../../api/core/v1/service.forwarding.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Logger } from '../../host/log.ts';

export interface OmissionsOptions {
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly find: (service: string) => Service | undefined;
}

export class Omissions {
  readonly #options: OmissionsOptions;
  readonly #omitted = new Map<string, number>();

  constructor(options: OmissionsOptions) {
    this.#options = options;
  }

  /** How many endpoints are left out now, by Service; by name. */
  services(): readonly (readonly [service: string, omitted: number])[] {
    return [...this.#omitted].sort(([a], [b]) => (a < b ? -1 : 1));
  }

  /** Takes note of how many endpoints of a Service are left out, and says so once, until there are none. */
  note(service: string, omitted = 0): void {
    if (omitted === 0) {
      this.#omitted.delete(service);
      return;
    }
    const isNew = !this.#omitted.has(service);
    this.#omitted.set(service, omitted);
    if (isNew) this.#tell(service, omitted);
  }

  #tell(service: string, omitted: number): void {
    const { events, log, find } = this.#options;
    const many = omitted === 1 ? 'one endpoint is' : `${omitted} endpoints are`;
    const message =
      `A node forwards to at most ${MAX_ENDPOINTS} endpoints of a Service port: ${many} left out, and gets no new connections. ` +
      'Divide them among several Services';
    log.warn({ service, omitted, most: MAX_ENDPOINTS }, 'endpoints of a Service are left out, as there are too many');
    const object = find(service);
    if (object !== undefined) events.event(object, 'Warning', 'TooManyEndpoints', message);
  }
}
