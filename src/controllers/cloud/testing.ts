/** For tests: Nodes and Services that show only what matters. */
import type { Node } from '../../api/core/v1/node.ts';

/** A ready node. */
export function node(
  name: string,
  address: string,
  {
    labels = {},
    spec = {},
    ready = true,
  }: { labels?: Record<string, string>; spec?: Node['spec']; ready?: boolean } = {},
): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels },
    ...(spec === undefined ? {} : { spec }),
    status: {
      addresses: [{ type: 'InternalIP', address }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}
