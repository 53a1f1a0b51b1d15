/** What is to be open on a node, worked out from all objects at one moment: for whoever asks once, and to hold changes against. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { CLUSTER, type Opening } from '../backend.ts';
import { type ClusterPlace, clusterOpenings, isOfAPI } from './cluster.ts';
import { exposureOf, type Place } from './desired.ts';
import { OpeningTable } from './opening-table.ts';

export interface Objects {
  readonly services: readonly Service[];
  readonly nodes: readonly Node[];
  /** At least those of default/kubernetes. */
  readonly slices: readonly EndpointSlice[];
}

export interface Mistake {
  /** `namespace/name`. */
  readonly service: string;
  readonly mistake: string;
}

export interface ExposedAtOnce {
  /** As a firewall is told: one for each address and port. */
  readonly openings: readonly Opening[];
  /** Each owner's, of which several may have the same address and port. */
  readonly wishes: readonly Opening[];
  readonly mistakes: readonly Mistake[];
}

export function exposedAtOnce(objects: Objects, place: Omit<Place, 'labels'> & ClusterPlace): ExposedAtOnce {
  const { services, nodes, slices } = objects;
  const labels = nodes.find(({ metadata }) => metadata.name === place.nodeName)?.metadata.labels;
  const here = labels === undefined ? place : { ...place, labels };
  const table = new OpeningTable();
  const mistakes: Mistake[] = [];
  table.set(CLUSTER, clusterOpenings(nodes, slices.filter(isOfAPI), place));
  for (const service of services) {
    const key = keyText(keyOf(service));
    const { openings, mistake } = exposureOf(service, here);
    table.set(key, openings);
    if (mistake !== undefined) mistakes.push({ service: key, mistake });
  }
  const wishes = [...table.owners()].sort().flatMap((owner) => table.of(owner));
  return { openings: table.takeChanges().added, wishes, mistakes };
}
