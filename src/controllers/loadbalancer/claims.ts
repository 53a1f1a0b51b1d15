/** Which Service has which load balancer address: what the Services' statuses say, and what we have just decided. */
import type { Service } from '../../api/core/v1/service.ts';
import type { IPAddress } from '../../lib/ip.ts';
import type { AddressBook } from './address-book.ts';
import { addressRequest, currentAddresses } from './request.ts';
import type { Tenant } from './sharing.ts';

export class Claims {
  readonly #book: AddressBook;
  /** Services whose status is being written: what the informer tells of them meanwhile is from before. */
  readonly #writing = new Set<string>();
  /** Revision of our last write of a Service's status; what is older than it is not news. */
  readonly #written = new Map<string, bigint>();

  constructor(book: AddressBook) {
    this.#book = book;
  }

  /** The addresses of a Service. */
  of(key: string): readonly IPAddress[] {
    return this.#book.of(key);
  }

  /** Takes what an object says; undefined is for one that is gone, or none of ours. Returns whether something became free. */
  learn(key: string, service: Service | undefined): boolean {
    if (service === undefined) {
      this.#written.delete(key);
      return this.#book.set({ key, ports: [], traffic: '' }, []);
    }
    const { tenant } = addressRequest(service);
    const told = currentAddresses(service);
    // No address in the status may only mean that our own write has not come back yet. How it would share is news.
    return this.#book.set(tenant, told.length === 0 || this.#isOld(key, service) ? this.of(key) : told);
  }

  /** Runs a write of a Service's status, and remembers its revision. */
  async writing(key: string, write: () => Promise<Service>): Promise<void> {
    this.#writing.add(key);
    try {
      this.#written.set(key, revisionOf(await write()));
    } finally {
      this.#writing.delete(key);
    }
  }

  /** The Service has these addresses and no others. Returns whether something became free. */
  set(tenant: Tenant, addresses: readonly IPAddress[]): boolean {
    return this.#book.set(tenant, addresses);
  }

  #isOld(key: string, service: Service): boolean {
    return this.#writing.has(key) || revisionOf(service) < (this.#written.get(key) ?? 0n);
  }
}

/** Revisions of one object rise. */
function revisionOf({ metadata }: Service): bigint {
  return BigInt(metadata.resourceVersion ?? 0);
}
