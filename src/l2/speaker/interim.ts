/** Tells the announcer which addresses fall to this node, by the API alone: the first candidate whose Node is Ready. */
import type { Node } from '../../api/core/v1/node.ts';
import { isTrue } from '../../api/meta/conditions.ts';
import type { Client } from '../../client/client.ts';
import { EventRecorder } from '../../client/events.ts';
import { Informers } from '../../client/informers.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { mustParseIP } from '../../lib/ip.ts';
import type { AddressPlan } from '../lan/messages.ts';
import type { Announcement } from '../plan/desired.ts';
import { Plans } from './plans.ts';

export interface SpeakerOptions {
  readonly client: Client;
  /** Shared with other parts of the process, to end with them. Default: our own. */
  readonly informers?: Informers;
  readonly nodeName: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Told of every address whose announcement begins, changes or, with undefined, ends. */
  readonly announce: (address: string, announcement: Announcement | undefined) => void;
}

export class Speaker {
  readonly synced: Promise<void>;
  readonly nodes;
  readonly #options: SpeakerOptions;
  readonly #informers: Informers;
  readonly #plans: Plans;
  readonly #events: EventRecorder;
  readonly #all = new Map<string, AddressPlan>();
  readonly #announced = new Map<string, Announcement>();
  #signal: AbortSignal | undefined;

  constructor(options: SpeakerOptions) {
    this.#options = options;
    this.#informers = options.informers ?? new Informers(options);
    this.#events = new EventRecorder({ ...options, component: 'postern-l2', host: options.nodeName });
    this.#plans = new Plans({
      informers: this.#informers,
      log: options.log,
      tell: (changed, removed) => {
        for (const plan of changed) this.#all.set(plan.address, plan);
        for (const address of removed) this.#all.delete(address);
        for (const address of [...changed.map((plan) => plan.address), ...removed]) this.#elect(address);
      },
    });
    this.nodes = this.#plans.nodes;
    this.nodes.onChange(({ object, previous }) => {
      if (isReady(object) !== isReady(previous)) for (const address of this.#all.keys()) this.#elect(address);
    });
    this.synced = this.#plans.synced;
  }

  start(signal: AbortSignal): void {
    this.#signal = signal;
    void this.#informers.start(signal);
  }

  #elect(address: string): void {
    if (this.#signal?.aborted) return;
    const { nodeName, announce, log } = this.#options;
    const plan = this.#all.get(address);
    const elected = plan?.candidates.find(({ node }) => isReady(this.nodes.get(node)));
    const before = this.#announced.get(address);
    if (plan === undefined || elected?.node !== nodeName) {
      if (before === undefined) return;
      this.#announced.delete(address);
      log.info({ address, services: before.services }, 'no longer announcing');
      announce(address, undefined);
      return;
    }
    const interfaces = elected.interfaces && new Set(elected.interfaces);
    const announcement = { ip: mustParseIP(address), interfaces, services: plan.services };
    this.#announced.set(address, announcement);
    announce(address, announcement);
    if (before === undefined) log.info({ address, services: plan.services }, 'announcing');
    for (const key of plan.services) {
      const service = this.#plans.services.get(key);
      if (service === undefined || before?.services.includes(key)) continue;
      const message = `announcing from node "${nodeName}" with protocol "layer2"`;
      this.#events.event(service, 'Normal', 'nodeAssigned', message);
    }
  }
}

function isReady(node: Node | undefined): boolean {
  return isTrue(node?.status?.conditions, 'Ready');
}
