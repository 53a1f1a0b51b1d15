/**
 * Writes which Services this node announces, as ServiceL2Statuses: one for each Service and node. It is in no hurry, and
 * nothing waits for it.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Node } from '../../api/core/v1/node.ts';
import { keyOf } from '../../api/meta/v1.ts';
import { ServiceL2Status } from '../../api/metallb/v1beta1/servicel2status.ts';
import { isNotFound } from '../../api/status.ts';
import { type Client, TransportError } from '../../client/client.ts';
import { runController } from '../../client/controller.ts';
import { ignoreAlreadyExists, ignoreNotFound } from '../../client/expected.ts';
import type { Informer } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import { WorkQueue } from '../../client/work-queue.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { milliseconds, seconds } from '../../lib/duration.ts';
import type { AnnouncedStatus } from '../lan/messages.ts';
import { desiredStatus, nodeOf, serviceKeyOf } from './status.ts';

/** Between two Services: a thousand that move together must not get in the way of anything. */
const PACE = milliseconds(10);
/** Before a server that could not be reached is asked again. */
const RETRY = seconds(3);

export interface StatusesOptions {
  readonly client: Client;
  readonly informers: Informers;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** This machine's Node. */
  readonly node: () => Node | undefined;
  /** Whether a node's announcer is gone, so that nobody else removes what it has left. */
  readonly isGone: (node: string) => boolean;
  /** Told of each Service, in the same pace and while the API is there: what of it is announced now, which may be nothing. */
  readonly report: (serviceKey: string, announced: readonly AnnouncedStatus[]) => void;
}

export class Statuses {
  readonly #options: StatusesOptions;
  readonly #queue: WorkQueue;
  readonly #statuses: Informer<ServiceL2Status>;
  readonly #statusesOf: (serviceKey: string) => readonly ServiceL2Status[];
  /** What is announced here, by address, and its addresses by Service. */
  readonly #announced = new Map<string, AnnouncedStatus>();
  readonly #addresses = new Map<string, Set<string>>();
  /** Services whose statuses may not be as they should. */
  readonly #pending = new Set<string>();
  #whenIdle: (() => void)[] = [];

  /** To be made before the informers are started. */
  constructor(options: StatusesOptions) {
    this.#options = options;
    this.#queue = new WorkQueue({ clock: options.clock });
    // MetalLB before 0.14.6 does not have the kind.
    this.#statuses = options.informers.of(ServiceL2Status, { optional: true });
    this.#statusesOf = this.#statuses.index((status) => [serviceKeyOf(status)]);
    this.#statuses.onChange(({ object, previous }) => {
      for (const status of [object, previous]) if (status !== undefined) this.#look(status);
    });
  }

  /** This node announces an address, or, with undefined, no longer. */
  set(address: string, announced: AnnouncedStatus | undefined): void {
    const before = this.#announced.get(address);
    if (announced === undefined) this.#announced.delete(address);
    else this.#announced.set(address, announced);
    for (const key of before?.services ?? []) this.#remove(key, address);
    for (const key of announced?.services ?? []) this.#add(key, address);
    for (const key of new Set([...(before?.services ?? []), ...(announced?.services ?? [])])) this.#enqueue(key);
  }

  /** A node's announcer has come or gone: what it has left is looked at. */
  nodeChanged(node: string): void {
    for (const status of this.#statuses.list()) if (nodeOf(status) === node) this.#look(status);
  }

  /** Works until the signal is aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    await this.#statuses.synced;
    if (signal.aborted) return;
    const reconcile = (key: string) => this.#reconcile(key, signal);
    await runController({ name: 'l2-status', queue: this.#queue, reconcile, workers: 1, log }, signal);
  }

  /** Resolves when there is nothing to write. */
  async idle(): Promise<void> {
    if (this.#pending.size === 0) return;
    await new Promise<void>((resolve) => this.#whenIdle.push(resolve));
  }

  /** Its own, and those of Services that it announces, are this announcer's to keep. */
  #look(status: ServiceL2Status): void {
    const key = serviceKeyOf(status);
    if (nodeOf(status) === this.#options.nodeName || this.#addresses.has(key)) this.#enqueue(key);
  }

  #enqueue(key: string): void {
    this.#pending.add(key);
    this.#queue.add(key);
  }

  #add(key: string, address: string): void {
    const addresses = this.#addresses.get(key) ?? new Set();
    this.#addresses.set(key, addresses.add(address));
  }

  #remove(key: string, address: string): void {
    const addresses = this.#addresses.get(key);
    addresses?.delete(address);
    if (addresses?.size === 0) this.#addresses.delete(key);
  }

  async #reconcile(key: string, signal: AbortSignal): Promise<void> {
    const { clock, log, report } = this.#options;
    const addresses = [...(this.#addresses.get(key) ?? [])].sort();
    const announced = addresses.flatMap((address) => this.#announced.get(address) ?? []);
    this.#pending.delete(key);
    let hasWritten: boolean;
    try {
      hasWritten = await this.#write(key, announced);
    } catch (error) {
      this.#pending.add(key);
      if (error instanceof TransportError) {
        // Others tell that the API is away; a thousand Services need not.
        log.debug({ err: error, service: key }, 'cannot write a status yet');
        this.#queue.addAfter(key, RETRY);
        return;
      }
      report(key, announced);
      throw error;
    }
    report(key, announced);
    if (this.#pending.size === 0) for (const resolve of this.#whenIdle.splice(0)) resolve();
    if (hasWritten) await clock.sleep(PACE, signal).catch(() => {}); // At the end there is nothing to pace.
  }

  /** Whether there was anything to write. */
  async #write(key: string, announced: readonly AnnouncedStatus[]): Promise<boolean> {
    const { client, nodeName, node, isGone } = this.#options;
    const desired = desiredStatus(key, announced, { nodeName, node: node() });
    const existing = this.#statusesOf(key);
    const current = existing.find(({ metadata }) => metadata.name === desired?.metadata.name);
    const isPut = desired !== undefined && !isDeepStrictEqual(current?.status, desired.status);
    if (isPut) await this.#put(desired, current);
    const obsolete = existing.filter((status) => {
      const owner = nodeOf(status);
      return status !== current && (owner === nodeName || (desired !== undefined && isGone(owner)));
    });
    for (const status of obsolete) await client.delete(ServiceL2Status, keyOf(status)).catch(ignoreNotFound);
    return isPut || obsolete.length > 0;
  }

  async #put(desired: ServiceL2Status, current: ServiceL2Status | undefined): Promise<void> {
    const { client } = this.#options;
    try {
      // One that was just made may not have been told of yet.
      if (current === undefined) await client.create(ServiceL2Status, desired).catch(ignoreAlreadyExists);
      const { status } = desired;
      await client.patch(ServiceL2Status, keyOf(desired), { type: 'merge', body: { status } }, 'status');
    } catch (error) {
      // A cluster may lack the kind; whether it has it now, the informer finds out.
      if (isNotFound(error) && current === undefined) return;
      throw error;
    }
  }
}
