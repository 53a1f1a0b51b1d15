/** What the API says is to be open on a node. */
import { Node } from '../../api/core/v1/node.ts';
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice, SERVICE_NAME_LABEL } from '../../api/discovery/v1/endpointslice.ts';
import type { Client } from '../../client/client.ts';
import { type ExposedAtOnce, exposedAtOnce } from '../../firewall/exposure/at-once.ts';
import { nodeAddresses, type ProxyHealth } from '../../firewall/exposure/cluster.ts';
import type { FirewallPolicy } from '../../firewall/exposure/policy.ts';
import { printIP } from '../../lib/ip.ts';
import { UserError } from '../errors.ts';

export interface ReadExposedOptions {
  readonly nodeName: string;
  readonly policy: FirewallPolicy;
  /** Whether the node's firewall can do what the policy `enforce` asks. */
  readonly enforces: boolean;
  readonly heartbeatPort: number | undefined;
  readonly vxlanPort?: number | undefined;
  readonly proxyHealth?: ProxyHealth;
}

/** Throws {@link UserError} when the API has no such node. */
export async function readExposed(
  client: Client,
  options: ReadExposedOptions,
): Promise<ExposedAtOnce & { readonly nodes: readonly Node[] }> {
  const [services, nodes, slices] = await Promise.all([
    client.list(Service),
    client.list(Node),
    client.list(EndpointSlice, { namespace: 'default', labelSelector: `${SERVICE_NAME_LABEL}=kubernetes` }),
  ]);
  const node = nodes.items.find(({ metadata }) => metadata.name === options.nodeName);
  if (node === undefined) {
    throw new UserError(
      `the server has no Node "${options.nodeName}"`,
      'Name one of `kubectl get nodes` with --node; by default it is the host name.',
    );
  }
  const objects = { services: services.items, nodes: nodes.items, slices: slices.items };
  const exposed = exposedAtOnce(objects, { ...options, addresses: nodeAddresses(node).map(printIP) });
  return { ...exposed, nodes: nodes.items };
}
