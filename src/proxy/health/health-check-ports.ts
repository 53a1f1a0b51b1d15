/**
 * Answers load balancers that ask, by a Service's `healthCheckNodePort` at any of the node's addresses, whether this node
 * has endpoints of the Service. https://kubernetes.io/docs/reference/networking/virtual-ips/#external-traffic-policy
 */
import type { Clock } from '../../host/clock.ts';
import { familyOf, type IPAddress, type IPFamily, printIP } from '../../lib/ip.ts';
import type { HealthCheck } from '../forwarding/forwarding.ts';
import { serviceHealth } from './answers.ts';
import type { Answer, Listen, ListenAddress } from './listen.ts';
import { Listeners } from './listeners.ts';

export interface HealthCheckPortsOptions {
  readonly listen: Listen;
  readonly clock: Clock;
  /** Whether the proxy keeps up: load balancers are sent elsewhere while it does not. */
  readonly healthy: () => boolean;
  /** Called each time that a Service's port cannot be listened on. */
  readonly onFailure: (service: string, at: ListenAddress, error: unknown, retryIn: number) => void;
}

export class HealthCheckPorts {
  readonly #options: HealthCheckPortsOptions;
  readonly #listeners: Listeners;
  readonly #checks = new Map<string, HealthCheck>();
  /** The Services that ask for a port. Nearly always one. */
  readonly #claims = new Map<number, Set<string>>();
  #addresses: readonly string[] = [];

  constructor(options: HealthCheckPortsOptions) {
    const { listen, clock } = options;
    this.#options = options;
    this.#listeners = new Listeners({
      ...{ listen, clock },
      onFailure: (at, error, retryIn) => {
        for (const service of this.#claims.get(at.port) ?? []) options.onFailure(service, at, error, retryIn);
      },
    });
  }

  /** How many addresses and ports cannot be listened on. */
  get failing(): number {
    return this.#listeners.failing;
  }

  /** How many Services are asked for. */
  get size(): number {
    return this.#checks.size;
  }

  /** What is told of a Service, by `namespace/name`; undefined: nothing any more. */
  set(service: string, check: HealthCheck | undefined): void {
    const before = this.#checks.get(service);
    if (check === undefined) this.#checks.delete(service);
    else this.#checks.set(service, check);
    if (before?.port === check?.port) return;
    if (before !== undefined) this.#release(service, before.port);
    if (check !== undefined) this.#claim(service, check.port);
  }

  /** The addresses where load balancers ask. */
  setAddresses(addresses: readonly IPAddress[]): void {
    const before = this.#addresses;
    const after = [...new Set(addresses.map(printIP))];
    const gone = before.filter((address) => !after.includes(address));
    if (gone.length === 0 && before.length === after.length) return;
    this.#addresses = after;
    for (const port of this.#claims.keys()) {
      for (const address of gone) this.#listeners.drop({ address, port });
      this.#listen(port);
    }
  }

  /** Ends all listeners. */
  close(): Promise<void> {
    return this.#listeners.close();
  }

  #claim(service: string, port: number): void {
    this.#claims.set(port, (this.#claims.get(port) ?? new Set()).add(service));
    this.#listen(port);
  }

  #release(service: string, port: number): void {
    const services = this.#claims.get(port);
    services?.delete(service);
    if (services === undefined || services.size > 0) return;
    this.#claims.delete(port);
    for (const address of this.#addresses) this.#listeners.drop({ address, port });
  }

  #listen(port: number): void {
    for (const address of this.#addresses) {
      const family = familyOf(address) ?? 'IPv4';
      this.#listeners.want({ address, port }, () => this.#answer(port, family));
    }
  }

  /** Of several Services that claim a port, which the API does not allow, always the same one answers. */
  #answer(port: number, family: IPFamily): Answer | undefined {
    const [service] = [...(this.#claims.get(port) ?? [])].sort();
    const check = service === undefined ? undefined : this.#checks.get(service);
    if (service === undefined || check === undefined) return undefined;
    const [namespace = '', name = ''] = service.split('/');
    return serviceHealth({ namespace, name }, check.localEndpoints[family] ?? 0, this.#options.healthy());
  }
}
