/** Gives Services of type LoadBalancer addresses out of IPAddressPools. The Services are the only memory. */
import { Namespace } from '../../api/core/v1/namespace.ts';
import { Service } from '../../api/core/v1/service.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { IPAddressPool } from '../../api/metallb/v1beta1/ipaddresspool.ts';
import { MetalLB } from '../../api/metallb/v1beta1/metallb.ts';
import { METALLB_NAME, METALLB_NAMESPACE } from '../../api/metallb/v1beta1/names.ts';
import { runController } from '../../client/controller.ts';
import { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import { paced } from '../../host/paced.ts';
import type { Claim } from '../cloud/claims.ts';
import { Contests } from '../contests.ts';
import { equal } from '../equal.ts';
import type { ControllerParts, Run } from '../parts.ts';
import { AddressBook } from './address-book.ts';
import { byAge } from './age.ts';
import { Claims } from './claims.ts';
import { layer2Provider } from './layer2.ts';
import { learnByAge } from './learn.ts';
import { poolStatusController } from './pool-status.ts';
import { type PoolTable, poolTable } from './pool-table.ts';
import { addressRequest } from './request.ts';
import { release, serve } from './serve.ts';

/**
 * Milliseconds after a change of pools in which those who have addresses keep them: who renames a pool deletes one and
 * creates another, and nobody is to lose an address between the two.
 */
const POOL_GRACE = 250;
/** Keys that are no Service's: all who wait for an address, and all who are or could be served. */
const WAITING = 'waiting';
const ALL = 'all';
/** Services that are written at a time. Each is decided on in one step, in the order in which they came. */
const WORKERS = 8;

export interface LoadBalancerParts extends ControllerParts {
  /** Providers whose Services are not layer 2's. Default: none. */
  readonly others?: readonly Claim[];
}

/** Makes the controller; its keys are those of Services. */
export function loadBalancerController(parts: LoadBalancerParts): Run {
  const { informers, clock, log, others = [] } = parts;
  const services = informers.of(Service);
  const namespaces = informers.of(Namespace);
  const pools = informers.of(IPAddressPool, { optional: true });
  const metallbs = informers.of(MetalLB, { optional: true });
  const oldestFirst = balancers(services);
  const queue = new WorkQueue({ clock });
  const events = new EventRecorder({ ...parts, component: 'metallb-controller' });
  const book = new AddressBook(({ key }) => poolStatus.changed(key));
  const claims = new Claims(book);
  const contests = new Contests();
  const current = inUse(pools, book);
  const poolStatus = poolStatusController({ ...parts, events, current });
  const pace = paced();

  const freed = () => queue.add(WAITING);
  const own = {
    ...{ ...parts, claims, contests, events, freed },
    latest: (key: string) => ours(services.get(key)),
  };
  const provider = layer2Provider({
    metallb: () => metallbs.get({ namespace: METALLB_NAMESPACE, name: METALLB_NAME }),
    others,
    serve(service) {
      const key = keyText(keyOf(service));
      const namespaceLabels = namespaces.get(service.metadata.namespace ?? '')?.metadata.labels ?? {};
      const asked = { request: addressRequest(service), current: claims.of(key), namespaceLabels };
      return serve(key, service, { book: current().book, ...asked }, own);
    },
    release: (service) => release(service, own),
  });
  /** The Service when it is layer 2's. */
  const ours = (service: Service | undefined) =>
    service !== undefined && provider.takes(service) ? service : undefined;
  const learn = (key: string) => {
    if (claims.learn(key, ours(services.get(key)))) freed();
    queue.add(key);
  };
  const learnAll = learnByAge(services, learn, pace);
  pools.onChange(({ object, previous }) => {
    if (equal(object?.spec, previous?.spec)) return; // Only our own counters.
    queue.add(WAITING);
    queue.addAfter(ALL, POOL_GRACE);
  });
  namespaces.onChange(({ key, object, previous }) => {
    if (equal(object?.metadata.labels, previous?.metadata.labels)) return;
    for (const each of oldestFirst(`in ${key}`)) queue.add(each);
  });
  metallbs.onChange(({ object, previous }) => {
    if (object?.spec?.loadBalancerClass === previous?.spec?.loadBalancerClass) return;
    for (const key of oldestFirst(ALL)) learn(key);
  });

  const reconcile = async (key: string): Promise<void> => {
    // Most often there is nothing to write and so nothing to wait for, and there may be thousands.
    await pace();
    if (key === WAITING || key === ALL) {
      for (const each of oldestFirst(key)) queue.add(each);
      return;
    }
    const service = services.get(key);
    if (service === undefined) return contests.forget(key);
    if (!provider.takes(service)) return void (await provider.remove(service));
    // Which nodes announce it is decided by the nodes, by the L2Advertisements.
    const outcome = await provider.ensure(service, []);
    if (outcome.kind === 'waiting') queue.addAfter(key, outcome.after);
  };
  return async (signal) => {
    await learnAll();
    const controller = { name: 'loadbalancer', queue, reconcile, workers: WORKERS, log };
    await Promise.all([runController(controller, signal), poolStatus.run(signal)]);
  };
}

/** The keys of all load balancers, of those that wait, or of those in a namespace; the oldest first. */
function balancers(services: Informer<Service>): (which: string) => readonly string[] {
  // What does not depend on whose they are: the MetalLB object may change that.
  const find = services.index(({ spec, status, metadata }) => {
    if (spec?.type !== 'LoadBalancer') return [];
    const has = (status?.loadBalancer?.ingress ?? []).length;
    const isWaiting = has < Math.max(1, spec.ipFamilies?.length ?? 0);
    return [ALL, `in ${metadata.namespace}`, ...(isWaiting ? [WAITING] : [])];
  });
  return (which) =>
    find(which)
      .toSorted(byAge)
      .map((service) => keyText(keyOf(service)));
}

/** The book with the pools as they are now: many changes of pools are one look at them. */
function inUse(
  pools: Informer<IPAddressPool>,
  book: AddressBook,
): () => { readonly book: AddressBook; readonly table: PoolTable } {
  let table: PoolTable | undefined;
  pools.onChange(({ object, previous }) => {
    if (!equal(object?.spec, previous?.spec)) table = undefined;
  });
  return () => {
    if (table === undefined) {
      table = poolTable(pools.list());
      book.usePools(table);
    }
    return { book, table };
  };
}
