/** Follows Services and EndpointSlices, and keeps the records up to date with them. */
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import type { Client } from '../../client/client.ts';
import type { Informer } from '../../client/informer.ts';
import { Informers } from '../../client/informers.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { desiredRecords } from './desired.ts';
import type { RecordIndex } from './record-index.ts';
import type { Zone } from './zone.ts';

export interface ServiceRecordsOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly log: Logger;
  readonly clock?: Clock;
  readonly zone: Zone;
  /** Where the records go, each Service's under its own key. */
  readonly index: RecordIndex;
}

/** Services computed in one turn of the event loop: a first list of thousands must not delay answers. */
const BATCH = 200;

export class ServiceRecords {
  /** Resolves when the records of everything that was there at the start are in the index. */
  readonly synced: Promise<void>;
  readonly #options: ServiceRecordsOptions;
  readonly #informers: Informers;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #slicesOf: (serviceKey: string) => readonly EndpointSlice[];
  readonly #changed = new Set<string>();
  #scheduled = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: ServiceRecordsOptions) {
    this.#options = options;
    this.#informers = options.informers ?? new Informers(options);
    this.#services = this.#informers.of(Service);
    this.#slices = this.#informers.of(EndpointSlice);
    this.#slicesOf = this.#slices.index((slice) => serviceKeysOf(slice));
    this.#services.onChange(({ key }) => this.#mark(key));
    this.#slices.onChange(({ object, previous }) => {
      for (const key of serviceKeysOf(object, previous)) this.#mark(key);
    });
    this.synced = Promise.all([this.#services.synced, this.#slices.synced]).then(() => this.#idle());
  }

  start(signal: AbortSignal): void {
    void this.#informers.start(signal);
  }

  #mark(key: string): void {
    this.#changed.add(key);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#update());
  }

  #update(): void {
    this.#scheduled = false;
    let left = BATCH;
    for (const key of this.#changed) {
      if (left-- === 0) {
        this.#scheduled = true;
        setImmediate(() => this.#update());
        return;
      }
      this.#changed.delete(key);
      this.#updateService(key);
    }
    for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #updateService(key: string): void {
    const { index, zone, log } = this.#options;
    try {
      index.set(key, desiredRecords(zone, this.#services.get(key), this.#slicesOf(key)));
    } catch (err) {
      log.error({ err, service: key }, 'cannot make the records of a Service; its old ones stay');
    }
  }

  #idle(): Promise<void> {
    if (this.#changed.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }
}
