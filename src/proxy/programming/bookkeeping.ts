/**
 * What follows from what the kernel was given: flows that are stale then, Services that it refuses, answers to load
 * balancers, and how long it all took.
 */
import type { Service } from '../../api/core/v1/service.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { messageOf } from '../../lib/errors.ts';
import type { IPAddress, IPFamily } from '../../lib/ip.ts';
import type { Conntrack } from '../../netfilter/conntrack/conntrack.ts';
import { FlowKeeper } from '../conntrack/flow-keeper.ts';
import { HealthCheckPorts } from '../health/health-check-ports.ts';
import type { Listen } from '../health/listen.ts';
import { ProxyHealth } from '../health/proxy-health.ts';
import type { ProxyState } from '../metrics/state.ts';
import { SyncStats } from '../metrics/stats.ts';
import { Omissions } from './omissions.ts';
import type { Changed } from './pending.ts';
import type { Committed, Programming } from './programming.ts';
import { Refusals } from './refusals.ts';

export interface BookkeepingOptions {
  readonly conntrack: Conntrack;
  readonly listen: Listen;
  readonly events: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  readonly nodeName: string;
  readonly families: readonly IPFamily[];
  /** The Service of a key, if there is one. */
  readonly find: (service: string) => Service | undefined;
  /** Called when a Service is to be looked at again. */
  readonly retry: (service: string) => void;
}

export class Bookkeeping {
  readonly stats = new SyncStats();
  readonly health: ProxyHealth;
  readonly #options: BookkeepingOptions;
  readonly #flows: FlowKeeper;
  readonly #refusals: Refusals;
  readonly #omissions: Omissions;
  readonly #checks: HealthCheckPorts;
  /** The first load is done. */
  #loaded = false;

  constructor(options: BookkeepingOptions) {
    const { clock, listen } = options;
    this.#options = options;
    this.health = new ProxyHealth(clock);
    this.#flows = new FlowKeeper(options);
    this.#refusals = new Refusals(options);
    this.#omissions = new Omissions(options);
    this.#checks = new HealthCheckPorts({
      ...{ listen, clock },
      healthy: () => this.health.report().healthy,
      onFailure: (service, { address, port }, error, retryInMs) => {
        this.#cannotListen(service, `${address.includes(':') ? `[${address}]` : address}:${port}`, error, retryInMs);
      },
    });
  }

  start(signal: AbortSignal): void {
    this.#flows.start(signal);
  }

  /** Where load balancers ask; addresses of families that are not served are left out. */
  setNodeAddresses(addresses: readonly IPAddress[]): void {
    this.#checks.setAddresses(addresses.filter(({ family }) => this.#options.families.includes(family)));
  }

  /** These changes have been brought into the kernel, as far as it took them. */
  committed(changes: Changed, committed: Committed, programming: Programming, signal: AbortSignal): void {
    const { applied, everything, refused } = committed;
    this.#refusals.note(changes.keys(), refused, this.#options.find, signal);
    this.stats.refused = this.#refusals.size;
    for (const service of changes.keys()) {
      const forwarding = programming.get(service);
      this.#checks.set(service, forwarding?.healthCheck);
      this.#omissions.note(service, forwarding?.omitted);
    }
    const first = !this.#loaded;
    this.#loaded = true;
    if (!applied) return;
    if (everything) this.#flows.load(programming.forwarded);
    else this.#flows.change(committed.changes);
    this.stats.syncs++;
    if (everything) this.stats.fullSyncs++;
    this.stats.lastSync = this.#options.clock.now();
    // What was there before us did not change: the first load says nothing about how quickly changes arrive.
    if (!first) this.#measure(changes, new Set(refused.map(({ service }) => service)), this.stats.lastSync);
  }

  /** The kernel refused all of it: everything is to be loaded anew. */
  failed(): void {
    this.stats.failures++;
    this.health.queued();
  }

  /** Rules of ours are gone: everything is to be loaded anew. */
  lost(): void {
    const { events, nodeName } = this.#options;
    this.stats.restored++;
    this.health.queued();
    // As kubelet's own: `kubectl describe node` looks for events by the name in place of the uid.
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
    events.event(
      node,
      'Warning',
      'ServiceRulesRemoved',
      'Somebody removed rules of Services from the kernel; they are put back',
    );
  }

  state(): Pick<ProxyState, 'stats' | 'health' | 'refused' | 'omitted' | 'flows' | 'healthChecks'> {
    const { deleted, looks, failures } = this.#flows;
    const { size, failing } = this.#checks;
    return {
      ...{ stats: this.stats, health: this.health.report(), refused: this.#refusals.services() },
      omitted: this.#omissions.services(),
      ...{ flows: { deleted, looks, failures }, healthChecks: { size, failing } },
    };
  }

  /** After the signal: resolves when nothing is under way any more. */
  async close(): Promise<void> {
    await Promise.all([this.#flows.idle(), this.#checks.close()]);
  }

  #measure(changes: Changed, refused: ReadonlySet<string>, wall: number): void {
    const now = { performance: performance.now(), wall };
    for (const [service, change] of changes) if (!refused.has(service)) this.stats.latency.record(change, now);
  }

  #cannotListen(service: string, at: string, error: unknown, retryInMs: number): void {
    const { events, log, nodeName, find } = this.#options;
    log.warn({ err: error, service, at, retryInMs }, 'cannot listen for health checks of a load balancer');
    const object = find(service);
    if (object === undefined) return;
    const why = messageOf(error);
    const message = `Node ${nodeName} cannot answer health checks at ${at}, and tries again: ${why}`;
    events.event(object, 'Warning', 'FailedToStartServiceHealthcheck', message);
  }
}
