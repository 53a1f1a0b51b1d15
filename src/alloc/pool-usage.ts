/** Which addresses of a pool are given out. */
import { IP_FAMILIES, type IPAddress, type IPFamily } from '../lib/ip.ts';
import type { AddressPool } from './address-pool.ts';
import { AddressSpace } from './address-space.ts';
import { NumberSet } from './number-set.ts';

/** How many addresses of one family a pool has given out, and how many more it can give. */
export interface Usage {
  readonly assigned: bigint;
  readonly available: bigint;
}

/** Nothing is ever searched: taking, releasing and finding a free address cost the same in a full pool as in an empty one. */
export class PoolUsage {
  readonly #spaces: Readonly<Record<IPFamily, AddressSpace>>;
  readonly #taken: Readonly<Record<IPFamily, NumberSet>>;

  /** No two ranges of the pool may share an address. */
  constructor({ ranges, avoidBuggyIPs = false }: AddressPool) {
    const each = <T>(make: (family: IPFamily) => T) => ({ IPv4: make('IPv4'), IPv6: make('IPv6') });
    this.#spaces = each((family) => new AddressSpace(family, ranges, { avoidBuggyIPs }));
    this.#taken = each((family) => new NumberSet(this.#spaces[family].size));
  }

  /** Notes that an address is given out; one that is not the pool's is no matter. */
  take(ip: IPAddress): void {
    const number = this.orderOf(ip);
    if (number !== undefined) this.#taken[ip.family].add(number);
  }

  /** Notes that an address is free again. */
  release(ip: IPAddress): void {
    const number = this.orderOf(ip);
    if (number !== undefined) this.#taken[ip.family].delete(number);
  }

  /** The first free address: ranges in the pool's order, addresses from the lowest. Undefined exactly when there is none. */
  firstFree(family: IPFamily): IPAddress | undefined {
    const number = this.#taken[family].lowestAbsent();
    return number === undefined ? undefined : this.#spaces[family].at(number);
  }

  /** The place of an address in the order in which they are given out; undefined when the pool may not give it out. */
  orderOf(ip: IPAddress): bigint | undefined {
    return this.#spaces[ip.family].numberOf(ip);
  }

  usage(family: IPFamily): Usage {
    const assigned = this.#taken[family].size;
    return { assigned, available: this.#spaces[family].size - assigned };
  }

  /** The families that the pool has addresses of. */
  families(): readonly IPFamily[] {
    return IP_FAMILIES.filter((family) => this.#spaces[family].size > 0n);
  }
}
