/** What is to be open on a node, worked out from all objects at one moment: for whoever asks once, and to hold changes against. */
import type { Node } from '../../api/core/v1/node.ts';
import type { Service } from '../../api/core/v1/service.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import { admissionKey, CLUSTER, type Opening } from '../backend.ts';
import { type ClusterPlace, clusterOpenings, isOfAPI } from './cluster.ts';
import { exposureOf, leftAlone, type Place } from './desired.ts';
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
  /** What Services expose that the firewall is left alone for, and that nobody else has opened: one for each address and port. */
  readonly leftAlone: readonly Opening[];
  readonly mistakes: readonly Mistake[];
}

export function exposedAtOnce(objects: Objects, place: Omit<Place, 'labels'> & ClusterPlace): ExposedAtOnce {
  const { services, nodes, slices } = objects;
  const labels = nodes.find(({ metadata }) => metadata.name === place.nodeName)?.metadata.labels;
  const here = labels === undefined ? place : { ...place, labels };
  const table = new OpeningTable();
  const mistakes: Mistake[] = [];
  const alone = new Map<string, Opening>();
  table.set(CLUSTER, clusterOpenings(nodes, slices.filter(isOfAPI), place));
  for (const service of services) {
    const key = keyText(keyOf(service));
    const { openings, mistake } = exposureOf(service, here);
    table.set(key, openings);
    for (const one of leftAlone(service, here)) alone.set(admissionKey(one), one);
    if (mistake !== undefined) mistakes.push({ service: key, mistake });
  }
  const wishes = [...table.owners()].sort().flatMap((owner) => table.of(owner));
  const openings = table.takeChanges().added;
  for (const one of openings) alone.delete(admissionKey(one));
  return { openings, wishes, leftAlone: [...alone.values()], mistakes };
}
