/** What the pods on one node take of it, kept pod by pod. */

import type { HostPort } from '../../api/core/v1/pod-spec/host-ports.ts';
import type { PodFacts } from './facts.ts';
import type { Usage } from './node-view.ts';
import { bump } from './tallies.ts';

/** Kubernetes' estimates for a pod that names nothing: 100 thousandths of a processor, 200 MiB. */
const LEAST = { cpu: 100, memory: 200 * 2 ** 20 } as const;

/** What a pod adds to the estimate of a resource. */
export function estimate({ requests }: PodFacts, resource: 'cpu' | 'memory'): number {
  return requests.get(resource) || LEAST[resource];
}

/** Sums of what the pods on a node take, kept as they come and go. */
export class NodeUsage implements Usage {
  readonly requested = new Map<string, number>();
  readonly estimated = { cpu: 0, memory: 0 };
  hostPorts: readonly HostPort[] = [];
  pods = 0;

  add(pod: PodFacts): void {
    this.#count(pod, 1);
    if (pod.hostPorts.length > 0) this.hostPorts = [...this.hostPorts, ...pod.hostPorts];
  }

  /** Takes away a pod that was added as it is. */
  remove(pod: PodFacts): void {
    this.#count(pod, -1);
    if (pod.hostPorts.length > 0) this.hostPorts = this.hostPorts.filter((port) => !pod.hostPorts.includes(port));
  }

  #count(pod: PodFacts, by: 1 | -1): void {
    this.pods += by;
    for (const [name, amount] of pod.requests) bump(this.requested, name, by * amount);
    this.estimated.cpu += by * estimate(pod, 'cpu');
    this.estimated.memory += by * estimate(pod, 'memory');
  }
}
