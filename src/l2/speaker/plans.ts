/** Follows the API's objects, and tells who may announce each load balancer address: what changes, as it changes. */
import { isDeepStrictEqual } from 'node:util';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { L2Advertisement } from '../../api/metallb/v1beta1/l2advertisement.ts';
import { isOurLoadBalancer } from '../../api/metallb/v1beta1/load-balancer-class.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { METALLB_NAME, METALLB_NAMESPACE } from '../../api/metallb/v1beta1/names.ts';
import type { Informer } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import type { Logger } from '../../host/log.ts';
import type { AddressPlan } from '../lan/messages.ts';
import { announcedAddresses, desiredPlan, poolOf, samePlan } from '../plan/desired.ts';
import { type AdvertisedPool, advertisedPools, type NodeFacts, nodeFacts, type SetAside } from '../plan/eligible.ts';

export interface PlansOptions {
  readonly informers: Informers;
  readonly log: Logger;
  /** Told of plans that are new or have changed, and of addresses that have none any more; a batch at a time. */
  readonly tell: (changed: readonly AddressPlan[], removed: readonly string[]) => void;
}

/** The most addresses of one batch, and the most milliseconds that one may take: others have their turns in between. */
const BATCH = 100;
const TURN = 5;

/** A plan, and the pool that it rests on. */
interface Decided {
  readonly plan: AddressPlan;
  readonly pool: string;
}

/** Ends with the signal that its informers are started with. */
export class Plans {
  /** Resolves when everything that was there at the start has been decided and told. */
  readonly synced: Promise<void>;
  readonly nodes: Informer<Node>;
  readonly services: Informer<Service>;
  readonly pools: Informer<IPAddressPool>;
  readonly #options: PlansOptions;
  readonly #slices: Informer<EndpointSlice>;
  readonly #advertisements: Informer<L2Advertisement>;
  readonly #metallb: Informer<MetalLB>;
  readonly #servicesAt: (address: string) => readonly Service[];
  readonly #slicesOf: (serviceKey: string) => readonly EndpointSlice[];
  readonly #facts = new Map<string, NodeFacts>();
  readonly #decided = new Map<string, Decided>();
  readonly #changed = new Set<string>();
  #advertised: readonly AdvertisedPool[] = [];
  #setAside: readonly SetAside[] = [];
  /** Pools, advertisements or nodes have changed since they were joined. */
  #isStale = true;
  #isSynced = false;
  #isScheduled = false;
  #whenIdle: (() => void)[] = [];

  constructor(options: PlansOptions) {
    this.#options = options;
    const { informers } = options;
    this.nodes = informers.of(Node);
    this.services = informers.of(Service);
    this.pools = informers.of(IPAddressPool, { optional: true });
    this.#slices = informers.of(EndpointSlice);
    this.#advertisements = informers.of(L2Advertisement, { optional: true });
    this.#metallb = informers.of(MetalLB, { optional: true });
    this.#servicesAt = this.services.index(announcedAddresses);
    this.#slicesOf = this.#slices.index((slice) => serviceKeysOf(slice));
    this.#listen();
    const followed = [this.nodes, this.services, this.#slices, this.pools, this.#advertisements, this.#metallb];
    this.synced = Promise.all(followed.map((informer) => informer.synced)).then(() => this.#begin());
  }

  get(address: string): AddressPlan | undefined {
    return this.#decided.get(address)?.plan;
  }

  #listen(): void {
    this.services.onChange(({ object, previous }) => this.#mark(object, previous));
    this.#slices.onChange(({ object, previous }) => {
      for (const key of serviceKeysOf(object, previous)) this.#mark(this.services.get(key));
    });
    this.nodes.onChange(({ key, object }) => this.#noteNode(key, object));
    this.pools.onChange(({ object, previous }) => {
      // Its status counts what is in use, and changes all the time.
      const isSame = isDeepStrictEqual(
        [object?.spec, object?.metadata.labels],
        [previous?.spec, previous?.metadata.labels],
      );
      if (!isSame) this.#rejoin();
    });
    this.#advertisements.onChange(() => this.#rejoin());
    this.#metallb.onChange(({ object, previous }) => {
      if (isDeepStrictEqual(object?.spec, previous?.spec)) return;
      for (const node of this.nodes.list()) this.#noteNode(keyText(keyOf(node)), node);
      // Whose Services are ours may have changed.
      this.#mark(...this.services.list());
    });
  }

  #noteNode(name: string, node: Node | undefined): void {
    const before = this.#facts.get(name);
    const after = node && nodeFacts(node, this.#settings()?.spec?.nodeSelector);
    if (sameFacts(before, after)) return;
    if (after === undefined) this.#facts.delete(name);
    else this.#facts.set(name, after);
    this.#rejoin();
  }

  #settings(): MetalLB | undefined {
    return this.#metallb.get({ namespace: METALLB_NAMESPACE, name: METALLB_NAME });
  }

  #mark(...services: readonly (Service | undefined)[]): void {
    for (const service of services) {
      for (const address of service === undefined ? [] : announcedAddresses(service)) this.#changed.add(address);
    }
    this.#schedule();
  }

  /** Pools, advertisements or nodes are to be joined anew. */
  #rejoin(): void {
    this.#isStale = true;
    this.#schedule();
  }

  /** Nothing is decided on half of the objects: two nodes that see different halves would both announce. */
  #begin(): Promise<void> {
    this.#isSynced = true;
    this.#schedule();
    if (!this.#isScheduled) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  #schedule(): void {
    if (!this.#isSynced || this.#isScheduled || (this.#changed.size === 0 && !this.#isStale)) return;
    this.#isScheduled = true;
    setImmediate(() => this.#decideSome());
  }

  #decideSome(): void {
    this.#isScheduled = false;
    if (this.#isStale) this.#join();
    const [changed, removed]: [AddressPlan[], string[]] = [[], []];
    const until = performance.now() + TURN;
    let left = BATCH;
    for (const address of this.#changed) {
      if (left-- === 0 || performance.now() > until) break;
      this.#changed.delete(address);
      const before = this.#decided.get(address);
      const after = this.#decide(address, before);
      if (after === undefined) this.#decided.delete(address);
      else this.#decided.set(address, after);
      if (samePlan(before?.plan, after?.plan)) continue;
      if (after === undefined) removed.push(address);
      else changed.push(after.plan);
    }
    if (changed.length + removed.length > 0) this.#options.tell(changed, removed);
    this.#schedule();
    if (!this.#isScheduled) for (const resolve of this.#whenIdle.splice(0)) resolve();
  }

  #decide(address: string, before: Decided | undefined): Decided | undefined {
    try {
      const settings = this.#settings();
      const claims = this.#servicesAt(address)
        .filter((service) => isOurLoadBalancer(service, settings))
        .map((service) => ({ service, slices: this.#slicesOf(keyText(keyOf(service))) }));
      const pool = claims.length === 0 ? undefined : poolOf(address, this.#advertised);
      return pool && { plan: desiredPlan(address, claims, pool), pool: pool.key };
    } catch (err) {
      this.#options.log.error({ err, address }, 'cannot decide who may announce an address; it stays as it is');
      return before;
    }
  }

  /** Joins pools, advertisements and nodes; the addresses of the pools that this changes are to be decided again. */
  #join(): void {
    this.#isStale = false;
    const before = this.#advertised;
    try {
      const input = { advertisements: this.#advertisements.list(), nodes: [...this.#facts.values()].sort(byName) };
      const { pools, setAside } = advertisedPools({ pools: this.pools.list(), ...input });
      this.#advertised = pools;
      this.#reportSetAside(setAside);
    } catch (err) {
      this.#options.log.error(
        { err },
        'cannot make sense of pools and advertisements; what is announced stays as it is',
      );
      return;
    }
    this.#markChanged(before, this.#advertised);
  }

  #markChanged(before: readonly AdvertisedPool[], after: readonly AdvertisedPool[]): void {
    const areThere = ({ key, ranges }: AdvertisedPool, i: number) =>
      before[i]?.key === key && before[i].ranges === ranges;
    if (before.length !== after.length || !after.every(areThere)) {
      for (const address of this.#decided.keys()) this.#changed.add(address);
      this.#mark(...this.services.list());
      return;
    }
    const changed = new Set(
      after.filter(({ fingerprint }, i) => before[i]?.fingerprint !== fingerprint).map(({ key }) => key),
    );
    if (changed.size === 0) return;
    for (const [address, { pool }] of this.#decided) if (changed.has(pool)) this.#changed.add(address);
  }

  /** Says once what is wrong with an advertisement. */
  #reportSetAside(setAside: readonly SetAside[]): void {
    const known = new Set(this.#setAside.map(({ advertisement }) => advertisement));
    for (const { advertisement, why } of setAside) {
      if (known.has(advertisement)) continue;
      this.#options.log.warn(
        { advertisement: keyText(keyOf(advertisement)), why },
        'an L2Advertisement counts for nothing',
      );
    }
    this.#setAside = setAside;
  }
}

function sameFacts(a: NodeFacts | undefined, b: NodeFacts | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.drained === b.drained && isDeepStrictEqual(a.labels, b.labels);
}

function byName(a: NodeFacts, b: NodeFacts): number {
  return a.name < b.name ? -1 : 1;
}
