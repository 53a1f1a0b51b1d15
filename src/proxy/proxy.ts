/**
 * The node proxy: follows Services and EndpointSlices, and keeps the kernel forwarding as they say. A change touches
 * the elements of its own Service and nothing else; everything is loaded anew at the start, and whenever the kernel
 * turns out to hold something else.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { Service } from '../api/core/v1/service.ts';
import { EndpointSlice, serviceKeysOf } from '../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../api/meta/v1.ts';
import { BackOff } from '../client/back-off.ts';
import type { Client } from '../client/client.ts';
import { EventRecorder } from '../client/events.ts';
import type { Informer } from '../client/informer.ts';
import { Informers } from '../client/informers.ts';
import { type Clock, systemClock } from '../host/clock.ts';
import type { Logger } from '../host/log.ts';
import { untilAborted } from '../lib/abort.ts';
import { seconds } from '../lib/duration.ts';
import { type IPAddress, printIP } from '../lib/ip.ts';
import type { Metric } from '../lib/metrics.ts';
import type { Conntrack } from '../netfilter/conntrack/conntrack.ts';
import { kernelConntrack } from '../netfilter/conntrack/kernel.ts';
import type { ThisNode } from './forwarding/topology.ts';
import { type Listen, listenHTTP } from './health/listen.ts';
import type { Listeners } from './health/listeners.ts';
import { type ProxyAddresses, serveProxy } from './health/serve.ts';
import type { ProxyState } from './metrics/state.ts';
import type { SyncStats } from './metrics/stats.ts';
import type { Mode } from './mode.ts';
import { Bookkeeping } from './programming/bookkeeping.ts';
import { PendingChanges, triggerOf } from './programming/pending.ts';
import { Programming } from './programming/programming.ts';
import { recompute, type Sources } from './programming/recompute.ts';
import type { TrafficSource } from './traffic/answers.ts';
import { TrafficMeter } from './traffic/meter.ts';
import type { TrafficTotals } from './traffic/totals.ts';

/** How often the kernel is asked whether our rules are still there, and the node for its addresses. */
const CHECK_INTERVAL = seconds(5);

export interface ProxyOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  /** The zone that the node is in, as its label says. Asked at every change and every few seconds. Default: none. */
  readonly zone?: () => string | undefined;
  /** Where node ports are served. Asked at every change and every few seconds. */
  readonly nodeAddresses: () => readonly IPAddress[];
  /** How the kernel is programmed, and which families are served. */
  readonly mode: Mode;
  /** What an earlier run may have programmed otherwise: removed once everything is in the kernel by `mode`. */
  readonly retired?: readonly Pick<Mode, 'remove'>[];
  readonly log: Logger;
  readonly clock?: Clock;
  /** Where UDP flows are followed. Default: the kernel. */
  readonly conntrack?: Conntrack;
  /** Remove our rules when the signal is aborted. Default: leave them, so that forwarding goes on across a restart. */
  readonly cleanUp?: boolean;
  /** Where the proxy is asked for its health and its metrics. Default: nowhere. */
  readonly serve?: ProxyAddresses;
  /** Whether load balancers may begin connections by this node, as far as the node is concerned. Default: they may. */
  readonly nodeEligible?: () => boolean;
  /** Metrics to tell besides the proxy's own. */
  readonly metrics?: () => readonly Metric[];
  /** How sockets are listened on. Default: with HTTP, in this process's network namespace. */
  readonly listen?: Listen;
  /** Called after each transaction that took effect. */
  readonly onSynced?: () => void;
}

/** A proxy that has done its first full sync. */
export interface RunningProxy {
  readonly stats: SyncStats;
  /** The state as it is now: what is told as metrics and as status. */
  readonly state: () => ProxyState;
  /** Reads what passed to and from endpoints until now. Undefined where the mode does not count. */
  readonly traffic: (() => Promise<TrafficTotals>) | undefined;
  /** Resolves when the node forwards as the API had said, as far as this node had heard, at the time of the call. */
  readonly settled: () => Promise<void>;
  /** Resolves when the signal has been aborted and nothing is under way any more. */
  readonly stopped: Promise<void>;
}

/** Resolves after the first full sync. Throws what refused it: no privileges, or a kernel that is too old. */
export async function startProxy(options: ProxyOptions, signal: AbortSignal): Promise<RunningProxy> {
  const proxy = new NodeProxy(options);
  await proxy.start(signal);
  const { stats, stopped, traffic } = proxy;
  const settled = () => proxy.settled();
  return { stats, stopped, settled, state: () => proxy.state(), traffic: traffic && (() => traffic.totals()) };
}

class NodeProxy {
  stopped: Promise<void> = Promise.resolve();
  readonly traffic: TrafficMeter | undefined;
  readonly #options: ProxyOptions;
  readonly #clock: Clock;
  readonly #programming: Programming;
  readonly #books: Bookkeeping;
  readonly #listen: Listen;
  readonly #informers: Informers;
  readonly #services: Informer<Service>;
  readonly #slices: Informer<EndpointSlice>;
  readonly #slicesOf: (service: string) => readonly EndpointSlice[];
  readonly #backOff = new BackOff({ first: 20, max: seconds(5), jitter: 0.5 });
  readonly #pending = new PendingChanges();
  #node: ThisNode;
  #checkDue = false;
  #wake: () => void = () => {};

  constructor(options: ProxyOptions) {
    const { client, log, clock = systemClock, nodeName } = options;
    this.#options = options;
    this.#clock = clock;
    this.#node = { name: nodeName };
    this.#programming = new Programming(options.mode);
    this.#informers = options.informers ?? new Informers({ client, log, clock });
    this.#services = this.#informers.of(Service);
    this.#slices = this.#informers.of(EndpointSlice);
    this.#slicesOf = this.#slices.index((slice) => serviceKeysOf(slice));
    this.#listen = options.listen ?? listenHTTP;
    this.#books = new Bookkeeping({
      ...{ clock, log, nodeName, listen: this.#listen, families: options.mode.families },
      conntrack: options.conntrack ?? kernelConntrack,
      events: new EventRecorder({ client, component: 'postern-proxy', host: nodeName, clock, log }),
      find: (service) => this.#services.get(service),
      retry: (service) => this.#touch(service),
    });
    this.traffic = this.#trafficMeter();
  }

  get stats(): SyncStats {
    return this.#books.stats;
  }

  state(): ProxyState {
    const { mode, nodeEligible } = this.#options;
    const own = { mode: mode.name, nodeEligible: nodeEligible?.() ?? true, waiting: this.#pending.size };
    return { ...own, ...this.#books.state() };
  }

  settled(): Promise<void> {
    return this.#pending.settled();
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#services.onChange(({ key }) => this.#touch(key));
    this.#slices.onChange(({ object, previous }) => {
      const triggered = triggerOf(object, previous);
      for (const service of serviceKeysOf(object, previous)) this.#touch(service, triggered);
    });
    void this.#informers.start(signal);
    const serving = this.#serve();
    try {
      const synced = [this.#services.synced, this.#slices.synced, this.#programming.recall()];
      await untilAborted(Promise.all(synced), signal);
      this.#books.start(signal);
      if (!signal.aborted) await this.#sync(signal);
      // Only now: until then, what an earlier run left is what forwards.
      for (const mode of this.#options.retired ?? []) await mode.remove();
    } catch (error) {
      await Promise.all([serving.close(), this.#books.close()]);
      throw error;
    }
    this.stopped = this.#run(signal).finally(() => serving.close());
    void this.#tick(signal);
    void this.traffic?.start(signal);
  }

  async #run(signal: AbortSignal): Promise<void> {
    signal.addEventListener('abort', () => this.#wake(), { once: true });
    while (!signal.aborted) {
      if (this.#pending.size === 0 && !this.#checkDue) await this.#woken();
      // One turn of the event loop: what arrives together is applied together.
      await turn();
      if (signal.aborted) break;
      await this.#attempt(signal);
    }
    await this.#books.close();
    if (this.#options.cleanUp) await this.#options.mode.remove();
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    try {
      if (this.#checkDue) await this.#check();
      await this.#sync(signal);
      this.#backOff.reset();
    } catch (error) {
      this.#books.failed();
      this.#programming.reload();
      this.#checkDue = true;
      const wait = this.#backOff.next();
      this.#options.log.error({ err: error, retryInMs: wait }, 'the kernel refused a change; loading everything anew');
      await this.#clock.sleep(wait, signal).catch(() => {}); // The signal is checked by the caller.
    }
  }

  async #sync(signal: AbortSignal): Promise<void> {
    this.#locate();
    const changes = this.#pending.take();
    try {
      const addresses = this.#options.nodeAddresses();
      this.#programming.setNodeAddresses(addresses);
      this.#books.setNodeAddresses(addresses);
      const unclear = await recompute(changes.keys(), this.#sources(), this.#programming);
      const committed = await this.#programming.commit();
      this.#pending.done();
      const refused = [...committed.refused, ...unclear];
      this.#books.committed(changes, { ...committed, refused }, this.#programming, signal);
      this.#books.health.updated(this.#pending.size > 0);
      if (committed.applied) this.#options.onSynced?.();
    } catch (error) {
      this.#pending.putBack(changes);
      throw error;
    }
  }

  #sources(): Sources {
    return { service: (key) => this.#services.get(key), slices: this.#slicesOf, node: this.#node };
  }

  /** A node that moves to another zone looks at every Service again: any may have endpoints meant for a zone. */
  #locate(): void {
    const zone = this.#options.zone?.();
    if (zone === this.#node.zone) return;
    this.#node = { name: this.#options.nodeName, zone };
    for (const service of this.#services.list()) this.#touch(keyText(keyOf(service)));
  }

  async #check(): Promise<void> {
    const { mode, log } = this.#options;
    this.#checkDue = false;
    await mode.tidy();
    if (await mode.intact()) return;
    this.#books.lost();
    this.#programming.reload();
    log.warn({ mode: mode.name }, 'someone removed rules of ours from the kernel; loading everything anew');
  }

  async #tick(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#clock.sleep(CHECK_INTERVAL, signal).catch(() => {}); // The loop looks at the signal.
      this.#checkDue = true;
      this.#wake();
    }
  }

  #trafficMeter(): TrafficMeter | undefined {
    const { mode, log, nodeAddresses } = this.#options;
    const read = mode.traffic?.bind(mode);
    if (read === undefined) return undefined;
    const programming = this.#programming;
    return new TrafficMeter({
      ...{ read, log, clock: this.#clock },
      ownership: () => ({
        serviceOf: (frontend) => programming.serviceOf(frontend),
        find: (service) => this.#services.get(service),
        nodeAddresses: new Set(nodeAddresses().map(printIP)),
      }),
      exists: (service) => programming.get(service) !== undefined,
    });
  }

  #trafficSource(): { readonly traffic?: TrafficSource } {
    const { traffic } = this;
    if (traffic === undefined) return {};
    const { nodeName: node, mode } = this.#options;
    const source = { node, mode: mode.name, now: () => this.#clock.now(), totals: () => traffic.totals() };
    return { traffic: source };
  }

  #serve(): Listeners {
    const { serve: addresses = {}, log, metrics } = this.#options;
    return serveProxy({
      ...{ addresses, listen: this.#listen, clock: this.#clock, log, state: () => this.state() },
      ...(metrics === undefined ? {} : { metrics }),
      ...this.#trafficSource(),
    });
  }

  #touch(service: string, triggered?: number): void {
    this.#pending.add(service, triggered);
    this.#books.health.queued();
    this.#wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}
