/** Hints for zones, where Services ask for them by `service.kubernetes.io/topology-mode: Auto`. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Informer } from '../../client/informer.ts';
import { equal } from '../equal.ts';
import type { DesiredSlices } from './desired.ts';
import type { SliceChanges } from './diff.ts';
import { asksForTopology } from './pod-endpoint.ts';
import { withZoneHints } from './zone-hints.ts';
import { ZoneHintsNews } from './zone-hints-news.ts';
import { nodeCapacity, type ZoneShares, zoneShares } from './zone-shares.ts';

export interface TopologyOptions {
  readonly services: Informer<Service>;
  readonly nodes: Informer<Node>;
  readonly events: EventRecorder;
  /** Told of each Service that has to be looked at because the zones changed. */
  readonly enqueue: (key: string) => void;
}

export class Topology {
  readonly #nodes: Informer<Node>;
  readonly #news: ZoneHintsNews;
  /** Of the nodes as they are; undefined until it is asked for. */
  #shares: ZoneShares | undefined;

  /** To be made before the informers are started: it adds an index and listeners. */
  constructor({ services, nodes, events, enqueue }: TopologyOptions) {
    this.#nodes = nodes;
    this.#news = new ZoneHintsNews(events);
    const asking = services.index(({ metadata }) => (asksForTopology(metadata.annotations) ? ['all'] : []));
    services.onChange(({ key, object }) => {
      if (object === undefined) this.#news.forget(key);
    });
    nodes.onChange(({ object, previous }) => {
      if (equal(object && nodeCapacity(object), previous && nodeCapacity(previous))) return;
      this.#shares = undefined;
      for (const service of asking('all')) enqueue(keyText(keyOf(service)));
    });
  }

  /** The changes with the hints that the Service asks for; tells of it when it comes to have some, or none. */
  hint(
    service: Service,
    desired: DesiredSlices,
    changes: SliceChanges,
    actual: readonly EndpointSlice[],
  ): SliceChanges {
    if (!asksForTopology(service.metadata.annotations)) {
      this.#news.tellEnd(service);
      return changes;
    }
    this.#shares ??= zoneShares(this.#nodes.list());
    const hinted = withZoneHints(desired, changes, actual, this.#shares);
    this.#news.tell(service, hinted.outcomes, actual);
    return hinted.changes;
  }
}
