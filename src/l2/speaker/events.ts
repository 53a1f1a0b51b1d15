/** What happens to announcements, as Events: on Services, as MetalLB's users look for it, and on this machine's Node. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import { ADDRESS_CONFLICT, ADDRESS_CONFLICT_OVER } from '../../api/metallb/v1beta1/names.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { AnnouncedStatus, ConflictStatus } from '../lan/messages.ts';

/** Names that a message lists. */
const NAMED = 5;

export interface AnnouncementEventsOptions {
  readonly events: EventRecorder;
  readonly nodeName: string;
  readonly service: (key: string) => Service | undefined;
  readonly node: () => Node | undefined;
}

export class AnnouncementEvents {
  readonly #options: AnnouncementEventsOptions;
  /** What Services have been told: that they are announced here, and the addresses that cannot be. */
  readonly #told = new Map<string, { readonly isAnnounced: boolean; readonly failing: readonly string[] }>();
  /** Interfaces where another host holds an address, by address: nothing else is wrong there. */
  readonly #held = new Map<string, Set<string>>();

  constructor(options: AnnouncementEventsOptions) {
    this.#options = options;
  }

  /** What of a Service is announced here now: told when it begins, or cannot. The reasons are MetalLB's. */
  service(key: string, announced: readonly AnnouncedStatus[]): void {
    const { nodeName } = this.#options;
    const before = this.#told.get(key);
    const nowhere = announced.filter(({ interfaces }) => interfaces.length === 0).map(({ address }) => address);
    const failing = nowhere.filter((address) => !this.#held.has(address));
    const isAnnounced = announced.length > nowhere.length;
    if (announced.length === 0) this.#told.delete(key);
    else this.#told.set(key, { isAnnounced, failing });
    for (const address of failing) {
      if (before?.failing.includes(address)) continue;
      const message = `the interfaces to announce "${address}" on are not there on node "${nodeName}" with protocol "layer2"`;
      this.#record([key], 'Warning', 'announceFailed', message);
    }
    if (!isAnnounced || before?.isAnnounced) return;
    this.#record([key], 'Normal', 'nodeAssigned', `announcing from node "${nodeName}" with protocol "layer2"`);
  }

  /** Another host holds an address, or no longer. `services` are those that have it. */
  conflict(conflict: ConflictStatus, state: 'begun' | 'over', services: readonly string[]): void {
    const { address, mac } = conflict;
    const where = `interface ${conflict.interface} of node "${this.#options.nodeName}"`;
    if (state === 'begun') {
      this.#held.set(address, (this.#held.get(address) ?? new Set()).add(conflict.interface));
      const message = `${address} is not announced on ${where}: the host ${mac} holds it, and is no node of this cluster; take it from that host, or from the pool`;
      this.#record(services, 'Warning', ADDRESS_CONFLICT, message);
    } else {
      const held = this.#held.get(address);
      held?.delete(conflict.interface);
      if (held?.size === 0) this.#held.delete(address);
      this.#record(services, 'Normal', ADDRESS_CONFLICT_OVER, `${address} is free again on ${where}`);
    }
  }

  /** Nodes whose announcers live and whose heartbeats do not arrive, and the port they are sent to. */
  unheard(names: readonly string[], port: number): void {
    const node = this.#options.node();
    if (node === undefined || names.length === 0) return;
    const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
    const message =
      `the announcers of ${names.slice(0, NAMED).join(', ')}${more} live, and their heartbeats do not arrive: ` +
      `let UDP port ${port} pass between the nodes, or a node that fails is noticed only after 15 s`;
    this.#options.events.event(node, 'Warning', 'HeartbeatsNotReceived', message);
  }

  #record(keys: readonly string[], type: 'Normal' | 'Warning', reason: string, message: string): void {
    for (const key of keys) {
      const service = this.#options.service(key);
      if (service !== undefined) this.#options.events.event(service, type, reason, message);
    }
  }
}
