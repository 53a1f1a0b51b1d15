/** The nodes that load balancers lead to, followed. */
import { Node } from '../../../api/core/v1/node.ts';
import type { Service } from '../../../api/core/v1/service.ts';
import type { Informers } from '../../../client/informers.ts';
import type { LoadBalancerProvider } from '../provider.ts';
import { backendFacts, backendNodes } from './backends.ts';
import type { Backends } from './serve.ts';

export interface FollowedNodes {
  /** Looks which there are now. */
  refresh(): void;
  /** Those of a Service, as they were at the last look. */
  of(service: Service, provider: LoadBalancerProvider): Backends;
}

/** To be made before the informers start. `changed` is called when a look is worth it. */
export function followNodes(informers: Informers, changed: () => void): FollowedNodes {
  const nodes = informers.of(Node);
  let all: Backends = { nodes: [], facts: '' };
  nodes.onChange(({ object, previous }) => {
    const isSame = object !== undefined && previous !== undefined && sameForBackends(object, previous);
    if (!isSame) changed();
  });
  return {
    refresh() {
      const found = backendNodes(nodes.list());
      all = { nodes: found, facts: backendFacts(found, { labels: true }) };
    },
    of(service, { backends }) {
      if (backends === undefined) return all;
      const chosen = backends(service, all.nodes);
      return { nodes: chosen, facts: backendFacts(chosen, { labels: false }) };
    },
  };
}

/** Whether a change of a node leaves load balancers as they are; a heartbeat does. */
function sameForBackends(a: Node, b: Node): boolean {
  return seen(a) === seen(b);
}

function seen(node: Node): string {
  const isReady = node.status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True';
  return [isReady, backendNodes([node]).length, backendFacts([node], { labels: true })].join(' ');
}
