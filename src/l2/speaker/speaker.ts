/** Follows the API, and tells the announcer which addresses fall to this node. */
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import type { Client } from '../../client/client.ts';
import { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { Informers } from '../../client/informers.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { mustParseIP } from '../../lib/ip.ts';
import { type Announcement, announcedAddresses, desiredAnnouncement } from '../plan/desired.ts';
import { type AdvertisedPool, advertisedPools, nodeFacts } from '../plan/eligible.ts';

export interface SpeakerOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Told of every address whose announcement begins, changes or, with undefined, ends. */
  readonly announce: (address: string, announcement: Announcement | undefined) => void;
}

/** Addresses decided in one turn of the event loop. */
const BATCH = 100;

export class Speaker {
  /** Resolves when everything that was there at the start has been decided. */
  readonly synced: Promise<void>;
  readonly nodes: Informer<Node>;
  readonly #informers: Informers;
  readonly #options: SpeakerOptions;
  readonly #events: EventRecorder;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #pools: Informer<IPAddressPool>;
  readonly #advertisements: Informer<L2Advertisement>;
  readonly #servicesAt: (address: string) => readonly Service[];
  readonly #slicesOf: (serviceKey: string) => readonly EndpointSlice[];
  readonly #announced = new Map<string, Announcement>();
  readonly #changed = new Set<string>();
  #advertised: readonly AdvertisedPool[] | undefined;
  #isSynced = false;
  #scheduled = false;
  #whenIdle: (() => void)[] = [];
  #signal: AbortSignal | undefined;

  constructor(options: SpeakerOptions) {
    this.#options = options;
    this.#events = new EventRecorder({ ...options, component: 'postern-l2', host: options.nodeName });
    this.#informers = options.informers ?? new Informers(options);
    this.nodes = this.#informers.of(Node);
    this.#services = this.#informers.of(Service);
    this.#slices = this.#informers.of(EndpointSlice);
    this.#pools = this.#informers.of(IPAddressPool);
    this.#advertisements = this.#informers.of(L2Advertisement);
    this.#servicesAt = this.#services.index(announcedAddresses);
    this.#slicesOf = this.#slices.index((slice) => serviceKeysOf(slice));
    this.#listen();
    const followed = [this.nodes, this.#services, this.#slices, this.#pools, this.#advertisements];
    this.synced = Promise.all(followed.map((informer) => informer.synced)).then(() => this.#begin());
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
    void this.#informers.start(signal);
  }

  #listen(): void {
    this.#services.onChange(({ object, previous }) => this.#mark(object, previous));
    this.#slices.onChange(({ object, previous }) => {
      for (const key of serviceKeysOf(object, previous)) this.#mark(this.#services.get(key));
    });
    this.nodes.onChange(({ object, previous }) => {
      if (nodeFacts(object) !== nodeFacts(previous)) this.#markAll();
    });
    this.#pools.onChange(() => this.#markAll());
    this.#advertisements.onChange(() => this.#markAll());
  }

  #mark(...services: readonly (Service | undefined)[]): void {
    for (const service of services) {
      for (const address of service === undefined ? [] : announcedAddresses(service)) this.#changed.add(address);
    }
    this.#schedule();
  }

  /** What every decision rests on has changed. */
  #markAll(): void {
    this.#advertised = undefined;
    if (!this.#isSynced) return;
    for (const address of this.#announced.keys()) this.#changed.add(address);
    this.#mark(...this.#services.list());
  }

  /** Nothing is decided on half of the objects: two nodes that see different halves would both announce. */
  #begin(): Promise<void> {
    this.#isSynced = true;
    this.#schedule();
    if (this.#changed.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    if (!this.#isSynced || this.#scheduled || this.#changed.size === 0) return;
    this.#scheduled = true;
    setImmediate(() => this.#decideSome());
  }

  #decideSome(): void {
    this.#scheduled = false;
    if (this.#signal?.aborted) return;
    let left = BATCH;
    for (const address of this.#changed) {
      if (left-- === 0) break;
      this.#changed.delete(address);
      this.#decide(address);
    }
    this.#schedule();
    if (this.#changed.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #decide(address: string): void {
    const { nodeName, announce, log } = this.#options;
    try {
      const claims = this.#servicesAt(address).map((service) => {
        return { service, slices: this.#slicesOf(keyText(keyOf(service))) };
      });
      const announcement = desiredAnnouncement(nodeName, mustParseIP(address), claims, this.#advertisedPools());
      const before = this.#announced.get(address);
      if (before === undefined && announcement === undefined) return;
      announce(address, announcement);
      if (announcement === undefined) this.#announced.delete(address);
      else this.#announced.set(address, announcement);
      this.#report(address, before, announcement);
    } catch (err) {
      log.error({ err, address }, 'cannot decide who announces an address; it stays as it is');
    }
  }

  #advertisedPools(): readonly AdvertisedPool[] {
    this.#advertised ??= advertisedPools(this.#pools.list(), this.#advertisements.list(), this.nodes.list());
    return this.#advertised;
  }

  /** The Event that MetalLB's users look for in `kubectl describe service`. */
  #report(address: string, before: Announcement | undefined, after: Announcement | undefined): void {
    const { nodeName, log } = this.#options;
    if (before === undefined || after === undefined) {
      const services = (after ?? before)?.services;
      log.info({ address, services }, after === undefined ? 'no longer announcing' : 'announcing');
    }
    for (const key of after?.services ?? []) {
      const service = this.#services.get(key);
      if (service === undefined || before?.services.includes(key)) continue;
      this.#events.event(
        service,
        'Normal',
        'nodeAssigned',
        `announcing from node "${nodeName}" with protocol "layer2"`,
      );
    }
  }
}
