/** The rules that manifests make on a node, as text, without a kernel or a server: the same objects, the same text. */

import { serviceKeysOf } from '../../api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../api/meta/v1.ts';
import type { IPAddress } from '../../lib/ip.ts';
import { printTransaction } from '../../netfilter/print.ts';
import { desiredForwarding } from '../../proxy/forwarding/desired.ts';
import { ForwardingTable } from '../../proxy/forwarding/forwarding-table.ts';
import { renderIptables } from '../../proxy/iptables/render.ts';
import { type LocalityOptions, localitiesOf } from '../../proxy/locality.ts';
import { NftablesRules } from '../../proxy/nftables/rules.ts';
import type { Manifests } from './manifests.ts';

/** The node that the rules are for. */
export interface RenderedNode extends LocalityOptions {
  readonly name: string;
  readonly zone?: string | undefined;
  readonly addresses: readonly IPAddress[];
}

export interface Rendered {
  readonly text: string;
  /** Namespace and name of the Services that make no rules here. */
  readonly without: readonly string[];
}

/** What would be loaded: a script for `nft -f` or for `iptables-restore`. Services come in the order of their names. */
export async function render(
  { services, slices }: Manifests,
  node: RenderedNode,
  mode: 'nftables' | 'iptables' = 'nftables',
): Promise<Rendered> {
  const localities = localitiesOf(node);
  const table = new ForwardingTable(localities.keys());
  table.setNodeAddresses(node.addresses);
  const slicesOf = Map.groupBy(
    slices.flatMap((slice) => serviceKeysOf(slice).map((service) => ({ service, slice }))),
    ({ service }) => service,
  );
  const without: string[] = [];
  for (const service of byName(services)) {
    const key = keyText(keyOf(service));
    const own = (slicesOf.get(key) ?? []).map(({ slice }) => slice);
    const forwarding = desiredForwarding(service, own, node);
    if (forwarding === undefined) without.push(key);
    table.set(key, forwarding);
  }
  const text =
    mode === 'nftables'
      ? printTransaction(new NftablesRules(localities).everything(table))
      : await renderIptables(table, localities);
  return { text, without };
}

function byName(services: Manifests['services']): Manifests['services'] {
  const name = (service: Manifests['services'][number]) => keyText(keyOf(service));
  return services.toSorted((a, b) => (name(a) < name(b) ? -1 : 1));
}
