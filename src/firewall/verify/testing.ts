/** Builders for tests of what nodes try. */
import type { Node } from '../../api/core/v1/node.ts';
import type { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { node } from '../testing.ts';
import { TRIES_ANNOTATION } from './summary.ts';

/** A ready node that tries others. */
export function tryingNode(name: string, ips: readonly string[], labels?: Readonly<Record<string, string>>): Node {
  const { metadata, status, ...rest } = node(name, ips, labels);
  return {
    ...rest,
    metadata: { ...metadata, annotations: { [TRIES_ANNOTATION]: '{}' } },
    status: { ...status, conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

/** Endpoints of a Service of namespace `n`, by the names of their nodes: port 8080, IPv4. */
export function slice(service: string, nodes: readonly string[], ready = true): EndpointSlice {
  return {
    ...{ apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', addressType: 'IPv4' },
    metadata: { namespace: 'n', name: `${service}-x`, labels: { 'kubernetes.io/service-name': service } },
    endpoints: nodes.map((nodeName, i) => ({ addresses: [`10.244.0.${i + 2}`], nodeName, conditions: { ready } })),
    ports: [{ name: '', protocol: 'TCP', port: 8080 }],
  };
}
