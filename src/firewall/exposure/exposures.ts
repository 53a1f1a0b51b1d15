/** Follows the API: what is to be open on this node, as Services, nodes and the API's own addresses change. */

import { isDeepStrictEqual } from 'node:util';
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { Change, Informer } from '../../client/informer.ts';
import type { Informers } from '../../client/informers.ts';
import { printCIDR, printIP } from '../../lib/ip.ts';
import { type Changes, CLUSTER, type Opening, type PodTraffic } from '../backend.ts';
import { type ClusterPlace, clusterOpenings, isOfAPI, nodeAddresses, podCIDRs, podTraffic } from './cluster.ts';
import { exposureOf, type Place } from './desired.ts';
import { OpeningTable } from './opening-table.ts';
import { FIREWALL_NODES_ANNOTATION } from './policy.ts';

export interface ExposuresOptions extends Omit<Place, 'labels'>, ClusterPlace {
  readonly informers: Informers;
  /** Called when there may be changes to take. */
  readonly changed: () => void;
  /** Told of what in a Service cannot be read, once each time that the Service changes. */
  readonly mistaken: (service: Service, mistake: string) => void;
}

/** Milliseconds of work on Services before others have their turn. */
const TURN = 10;

export class Exposures {
  readonly services: Informer<Service>;
  readonly nodes: Informer<Node>;
  /** Resolves when everything that the API has is known; before that nothing is to be closed. */
  readonly synced: Promise<void>;
  readonly #options: ExposuresOptions;
  readonly #table = new OpeningTable();
  /** Owners whose openings are to be worked out anew. */
  readonly #changed = new Set<string>([CLUSTER]);
  /** Worked out since nodes last changed. */
  #pods: { readonly traffic: PodTraffic | undefined } | undefined;
  readonly #apiSlices = new Map<string, EndpointSlice>();

  constructor(options: ExposuresOptions) {
    this.#options = options;
    const { informers } = options;
    this.services = informers.of(Service);
    this.nodes = informers.of(Node);
    const slices = informers.of(EndpointSlice);
    this.services.onChange(({ key }) => this.#mark(key));
    this.nodes.onChange((change) => this.#noteNode(change));
    slices.onChange((change) => this.#noteSlice(change));
    this.synced = Promise.all([this.services.synced, this.nodes.synced, slices.synced]).then(() => {});
  }

  /** What differs since the last call. Gives way to others when there is much to work out. */
  async takeChanges(signal: AbortSignal): Promise<Changes> {
    let turnEnds = performance.now() + TURN;
    for (const owner of this.#changed) {
      if (performance.now() > turnEnds) {
        await new Promise((resolve) => setImmediate(resolve));
        if (signal.aborted) break;
        turnEnds = performance.now() + TURN;
      }
      this.#changed.delete(owner);
      this.#table.set(owner, owner === CLUSTER ? this.#clusterOpenings() : this.#serviceOpenings(owner));
    }
    return this.#table.takeChanges();
  }

  /** Everything that was taken. */
  all(): readonly Opening[] {
    return this.#table.all();
  }

  /** What one owner wants, as far as it was taken. */
  of(owner: string): readonly Opening[] {
    return this.#table.of(owner);
  }

  /** What the node carries for pods, now: the same object until nodes come, go or move. */
  pods(bridge: string): PodTraffic | undefined {
    this.#pods ??= { traffic: podTraffic(this.nodes.list(), this.#options.nodeName, bridge) };
    return this.#pods.traffic;
  }

  #serviceOpenings(key: string): readonly Opening[] {
    const { addresses, policy, enforces, nodeName } = this.#options;
    const service = this.services.get(key);
    if (service === undefined) return [];
    const labels = this.nodes.get({ name: nodeName })?.metadata.labels;
    const place = { addresses, policy, enforces, ...(labels === undefined ? {} : { labels }) };
    const { openings, mistake } = exposureOf(service, place);
    if (mistake !== undefined) this.#options.mistaken(service, mistake);
    return openings;
  }

  #clusterOpenings(): readonly Opening[] {
    return clusterOpenings(this.nodes.list(), [...this.#apiSlices.values()], this.#options);
  }

  #noteNode({ object, previous }: Change<Node>): void {
    // Nodes tell how they are every few seconds: hardly ever is it this.
    if (!isDeepStrictEqual(object && reachedAt(object), previous && reachedAt(previous))) {
      this.#pods = undefined;
      this.#mark(CLUSTER);
    }
    this.#noteLabels(object, previous);
  }

  #noteLabels(object: Node | undefined, previous: Node | undefined): void {
    if ((object ?? previous)?.metadata.name !== this.#options.nodeName) return;
    if (isDeepStrictEqual(object?.metadata.labels, previous?.metadata.labels)) return;
    for (const service of this.services.list()) {
      if (service.metadata.annotations?.[FIREWALL_NODES_ANNOTATION] !== undefined) this.#mark(keyText(keyOf(service)));
    }
  }

  #noteSlice({ key, object, previous }: Change<EndpointSlice>): void {
    const slice = object ?? previous;
    if (slice === undefined || !isOfAPI(slice)) return;
    if (object === undefined) this.#apiSlices.delete(key);
    else this.#apiSlices.set(key, object);
    this.#mark(CLUSTER);
  }

  #mark(owner: string): void {
    this.#changed.add(owner);
    this.#options.changed();
  }
}

/** Of it and its pods. */
const reachedAt = (node: Node): readonly string[] => [
  ...nodeAddresses(node).map(printIP),
  ...podCIDRs(node).map(printCIDR),
];
