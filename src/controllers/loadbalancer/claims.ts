/** Which Service has which load balancer address: what the Services' statuses say, and what we have just decided. */
import type { Service } from '../../api/core/v1/service.ts';
import { type IPAddress, mustParseIP, printIP } from '../../lib/ip.ts';
import type { Owners } from './assign.ts';
import { currentAddresses, isOurs } from './request.ts';

export class Claims {
  readonly #owners = new Map<string, string>();
  readonly #byService = new Map<string, readonly string[]>();
  /** Services whose status is being written: what the informer tells of them meanwhile is from before. */
  readonly #writing = new Set<string>();
  /** Revision of our last write of a Service's status; what is older than it is not news. */
  readonly #written = new Map<string, bigint>();

  get owners(): Owners {
    return this.#owners;
  }

  /** The addresses of a Service. */
  of(key: string): readonly IPAddress[] {
    return (this.#byService.get(key) ?? []).map(mustParseIP);
  }

  /** All addresses that belong to somebody. */
  addresses(): readonly IPAddress[] {
    return [...this.#owners.keys()].map(mustParseIP);
  }

  /** Takes what an object says. Returns whether something became free. */
  learn(key: string, service: Service | undefined): boolean {
    if (service === undefined) this.#written.delete(key);
    if (service === undefined || !isOurs(service)) return this.set(key, []);
    const addresses = currentAddresses(service);
    // No address in the status may only mean that our own write has not come back yet.
    if (addresses.length === 0 || this.#isOld(key, service)) return false;
    return this.set(key, addresses);
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

  #isOld(key: string, service: Service): boolean {
    return this.#writing.has(key) || revisionOf(service) < (this.#written.get(key) ?? 0n);
  }

  /** The Service has these addresses and no others; one that belongs to another Service stays that one's. */
  set(key: string, addresses: readonly IPAddress[]): boolean {
    const before = this.#byService.get(key) ?? [];
    const next = addresses.map(printIP).filter((text) => (this.#owners.get(text) ?? key) === key);
    const freed = before.filter((text) => !next.includes(text));
    for (const text of freed) this.#owners.delete(text);
    for (const text of next) this.#owners.set(text, key);
    if (next.length > 0) this.#byService.set(key, next);
    else this.#byService.delete(key);
    return freed.length > 0;
  }
}

/** Revisions of one object rise. */
function revisionOf({ metadata }: Service): bigint {
  return BigInt(metadata.resourceVersion ?? 0);
}
