/** Holds what the kernel has against what the API says, computed afresh. */
import { Service } from '../../src/api/core/v1/service.ts';
import { EndpointSlice, SERVICE_NAME_LABEL } from '../../src/api/discovery/v1/endpointslice.ts';
import { keyOf, keyText } from '../../src/api/meta/v1.ts';
import type { Endpoint } from '../../src/client/client.ts';
import { createClient } from '../../src/client/http-client.ts';
import { openLibnftables } from '../../src/host/libnftables.ts';
import { mustParseCIDR, mustParseIP } from '../../src/lib/ip.ts';
import { kernelNetfilter } from '../../src/netfilter/kernel.ts';
import type { Operation } from '../../src/netfilter/model.ts';
import { desiredForwarding } from '../../src/proxy/forwarding/desired.ts';
import { ForwardingTable } from '../../src/proxy/forwarding/forwarding-table.ts';
import { localitiesOf } from '../../src/proxy/locality.ts';
import { difference as differenceOf, recall } from '../../src/proxy/nftables/adopt.ts';
import { NftablesRules } from '../../src/proxy/nftables/rules.ts';

/**
 * How many operations the kernel's tables are from what the API's Services and slices say, endpoints in whatever order. Chains
 * without a use, which a proxy keeps for the next, and what leads to them do not count.
 */
export async function difference(endpoint: Endpoint, podCIDRs: readonly string[]): Promise<number> {
  const client = createClient(endpoint);
  const runner = await openLibnftables();
  const netfilter = kernelNetfilter(runner);
  const clusterCIDRs = ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR);
  const localities = localitiesOf({ podCIDRs: podCIDRs.map(mustParseCIDR), clusterCIDRs });
  const rules = new NftablesRules(localities);
  const table = new ForwardingTable(localities.keys());
  table.recallBy(await recall(netfilter, rules.tables()));
  const slices = Map.groupBy(
    (await client.list(EndpointSlice)).items,
    ({ metadata }) => metadata.labels?.[SERVICE_NAME_LABEL],
  );
  for (const service of (await client.list(Service)).items) {
    const own = slices.get(service.metadata.name) ?? [];
    table.set(keyText(keyOf(service)), desiredForwarding(service, own, { name: 'node1' }));
  }
  table.setNodeAddresses([mustParseIP('192.0.2.10')]);
  const operations = (await differenceOf(netfilter, rules.everything(table))) ?? [];
  client.close();
  await runner.close();
  return operations.filter((operation) => !isIdle(operation)).length;
}

function isIdle(operation: Operation): boolean {
  if (operation.kind === 'delete-chain') return true;
  return operation.kind === 'delete-element' && operation.placed.set.endsWith('-chain');
}
