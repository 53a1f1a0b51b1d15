/** Says that nodes were told different things of the pod network: in the log and as an Event of this node, once, until it is another. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Client } from '../../client/client.ts';
import { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../host/clock.ts';
import type { Logger } from '../../host/log.ts';
import { Agreement, type PodNetworkSettings } from './agreement.ts';

export interface DisagreementOptions {
  readonly client: Client;
  readonly nodeName: string;
  readonly settings: PodNetworkSettings;
  readonly clock: Clock;
  readonly log: Logger;
}

export class Disagreement {
  readonly #options: DisagreementOptions;
  readonly #agreement: Agreement;
  readonly #events: EventRecorder;
  #said: string | undefined;

  constructor(options: DisagreementOptions) {
    this.#options = options;
    this.#agreement = new Agreement(options.settings);
    this.#events = new EventRecorder({ ...options, component: 'postern-network', host: options.nodeName });
  }

  /** Takes note of a Node, this node's own too; undefined: it is gone. */
  set(name: string, node: Node | undefined): void {
    if (name === this.#options.nodeName) this.#agreement.setOwn(node);
    else this.#agreement.set(name, node);
  }

  /** Says what there is to say, when all that came together has been taken note of. */
  tell(): void {
    const { log, nodeName } = this.#options;
    const difference = this.#agreement.difference();
    if (difference?.key === this.#said) return;
    this.#said = difference?.key;
    if (difference === undefined) {
      log.info({}, 'what this node was told of the pod network is what others were told, again');
      return;
    }
    log.warn({}, difference.message);
    // As kubelet's own: `kubectl describe node` looks for events by the name in place of the uid.
    const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeName, uid: nodeName } };
    this.#events.event(node, 'Warning', 'PodNetworkMismatch', difference.message);
  }
}
