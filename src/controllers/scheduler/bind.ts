/** Gives a pod its node. */
import { Pod } from '../../api/core/v1/pod.ts';
import type { Client } from '../../client/client.ts';
import { resourcePath } from '../../client/resource-path.ts';

/**
 * By the pod's binding subresource, as Kubernetes' scheduler does; the server then says PodScheduled. Refused with Conflict when
 * the pod has a node, or is another pod of the same name.
 */
export async function bind(client: Client, { metadata }: Pod, nodeName: string): Promise<void> {
  const { namespace, name = '', uid } = metadata;
  await client.raw('POST', resourcePath(Pod, { namespace, name, subresource: 'binding' }), {
    apiVersion: 'v1',
    kind: 'Binding',
    metadata: { namespace, name, uid },
    target: { apiVersion: 'v1', kind: 'Node', name: nodeName },
  });
}
