/** Who has which load balancer address, and what is free: kept up change by change, so that nobody ever searches. */
import { PoolUsage, type Usage } from '../../alloc/pool-usage.ts';
import { type IPAddress, type IPFamily, printIP } from '../../lib/ip.ts';
import { equal } from '../equal.ts';
import type { Pool } from './pool.ts';
import type { PoolTable } from './pool-table.ts';
import { type Tenant, whyNotShared } from './sharing.ts';

/** What the choice of an address may know. */
export interface Book {
  /** In the order in which they are asked. */
  readonly pools: readonly Pool[];
  /** The pool that may give out an address. */
  poolOf(ip: IPAddress): Pool | undefined;
  /** Who has an address, by key. */
  tenantsOf(ip: IPAddress): readonly Tenant[];
  /** The first address of a pool that nobody has. */
  firstFree(pool: Pool, family: IPFamily): IPAddress | undefined;
  /** The addresses that Services with a sharing key have, of whatever pool. */
  sharedUnder(sharingKey: string): readonly IPAddress[];
  /** The place of an address in the order in which a pool gives them out; undefined when it may not give it out. */
  orderOf(pool: Pool, ip: IPAddress): bigint | undefined;
  usage(pool: Pool, family: IPFamily): Usage;
}

/** An address that somebody has: most often one Service, so that a list is less than a map. */
interface Lease {
  readonly ip: IPAddress;
  /** By key, so that what is said of them does not depend on who came last. */
  readonly tenants: readonly Tenant[];
}

const NO_POOLS: PoolTable = { pools: [], poolOf: () => undefined, problems: new Map() };

export class AddressBook implements Book {
  readonly #changed: (pool: Pool) => void;
  #table: PoolTable = NO_POOLS;
  #usage: ReadonlyMap<Pool, PoolUsage> = new Map();
  /** By the address's text. */
  readonly #leases = new Map<string, Lease>();
  readonly #bySharingKey = new Map<string, Map<string, IPAddress>>();
  /** The addresses of each Service. */
  readonly #byService = new Map<string, readonly IPAddress[]>();

  /** `changed` is called with each pool whose usage is another. */
  constructor(changed: (pool: Pool) => void = () => {}) {
    this.#changed = changed;
  }

  get pools(): readonly Pool[] {
    return this.#table.pools;
  }

  poolOf(ip: IPAddress): Pool | undefined {
    return this.#table.poolOf(ip);
  }

  tenantsOf(ip: IPAddress): readonly Tenant[] {
    return this.#leases.get(printIP(ip))?.tenants ?? [];
  }

  firstFree(pool: Pool, family: IPFamily): IPAddress | undefined {
    return this.#usage.get(pool)?.firstFree(family);
  }

  sharedUnder(sharingKey: string): readonly IPAddress[] {
    return [...(this.#bySharingKey.get(sharingKey)?.values() ?? [])];
  }

  orderOf(pool: Pool, ip: IPAddress): bigint | undefined {
    return this.#usage.get(pool)?.orderOf(ip);
  }

  usage(pool: Pool, family: IPFamily): Usage {
    return this.#usage.get(pool)?.usage(family) ?? { assigned: 0n, available: 0n };
  }

  /** The addresses of a Service. */
  of(key: string): readonly IPAddress[] {
    return this.#byService.get(key) ?? [];
  }

  /** From now on these are the pools. Who has an address keeps it here: it is for others to take it away. */
  usePools(table: PoolTable): void {
    const before = new Map([...this.#usage].map(([pool, usage]) => [pool.key, { pool, usage }]));
    const fresh = new Map<Pool, PoolUsage>();
    const kept = new Map<Pool, PoolUsage>();
    for (const pool of table.pools) {
      const known = before.get(pool.key);
      if (known !== undefined && equal(known.pool.addresses, pool.addresses)) kept.set(pool, known.usage);
      else fresh.set(pool, new PoolUsage(pool.addresses));
    }
    this.#table = table;
    this.#usage = new Map([...kept, ...fresh]);
    for (const { ip } of fresh.size === 0 ? [] : this.#leases.values()) {
      const pool = table.poolOf(ip);
      if (pool !== undefined) fresh.get(pool)?.take(ip);
    }
    for (const pool of table.pools) this.#changed(pool);
  }

  /**
   * The Service has these addresses and no others, but for those that others have who do not share with it. Returns
   * whether something became free that another may want: an address, or a port of one that is shared.
   */
  set(tenant: Tenant, addresses: readonly IPAddress[]): boolean {
    const before = new Map(this.of(tenant.key).map((ip) => [printIP(ip), ip]));
    const next = new Map(addresses.filter((ip) => this.#mayHave(tenant, ip)).map((ip) => [printIP(ip), ip]));
    let freed = false;
    for (const [text, ip] of before) {
      if (next.has(text)) continue;
      this.#leave(tenant.key, ip);
      freed = true;
    }
    for (const ip of next.values()) if (this.#enter(tenant, ip)) freed = true;
    if (next.size > 0) this.#byService.set(tenant.key, [...next.values()]);
    else this.#byService.delete(tenant.key);
    return freed;
  }

  #mayHave(tenant: Tenant, ip: IPAddress): boolean {
    return this.tenantsOf(ip).every((other) => other.key === tenant.key || whyNotShared(tenant, other) === undefined);
  }

  /** Returns whether the Service had it already, and takes up less of it now or shares it otherwise. */
  #enter(tenant: Tenant, ip: IPAddress): boolean {
    const tenants = this.tenantsOf(ip);
    const before = tenants.find(({ key }) => key === tenant.key);
    if (before !== undefined && sameTenant(before, tenant)) return false;
    this.#put(ip, [...tenants.filter((each) => each !== before), tenant].sort(byKey));
    if (tenants.length === 0) this.#count(ip, (usage) => usage.take(ip));
    return before !== undefined;
  }

  #leave(key: string, ip: IPAddress): void {
    const tenants = this.tenantsOf(ip).filter((each) => each.key !== key);
    this.#put(ip, tenants);
    if (tenants.length === 0) this.#count(ip, (usage) => usage.release(ip));
  }

  #put(ip: IPAddress, tenants: readonly Tenant[]): void {
    const text = printIP(ip);
    // Those who share an address have one key.
    const before = this.#leases.get(text)?.tenants[0]?.sharingKey;
    const after = tenants[0]?.sharingKey;
    if (tenants.length > 0) this.#leases.set(text, { ip, tenants });
    else this.#leases.delete(text);
    if (before === after) return;
    if (before !== undefined) {
      const addresses = this.#bySharingKey.get(before);
      addresses?.delete(text);
      if (addresses?.size === 0) this.#bySharingKey.delete(before);
    }
    if (after === undefined) return;
    const addresses = this.#bySharingKey.get(after) ?? new Map<string, IPAddress>();
    this.#bySharingKey.set(after, addresses.set(text, ip));
  }

  #count(ip: IPAddress, change: (usage: PoolUsage) => void): void {
    const pool = this.#table.poolOf(ip);
    const usage = pool && this.#usage.get(pool);
    if (pool === undefined || usage === undefined) return;
    change(usage);
    this.#changed(pool);
  }
}

function sameTenant(a: Tenant, b: Tenant): boolean {
  return a.sharingKey === b.sharingKey && a.traffic === b.traffic && a.ports.join() === b.ports.join();
}

function byKey(a: Tenant, b: Tenant): number {
  return a.key < b.key ? -1 : 1;
}
