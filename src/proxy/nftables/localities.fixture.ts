// The kernel takes the tables of every way to know a node's pods. Runs alone in a network namespace: see layout.test.ts.
import assert from 'node:assert/strict';
import { openLibnftables } from '../../host/libnftables.ts';
import { mustParseCIDR } from '../../lib/ip.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { type LocalityOptions, localitiesOf } from '../locality.ts';
import { nftablesMode } from './nftables-mode.ts';

const podCIDRs = ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR);
const clusterCIDRs = ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR);
const WAYS: readonly LocalityOptions[] = [
  { podCIDRs, clusterCIDRs },
  { podCIDRs, clusterCIDRs: [] },
  { podCIDRs: [], clusterCIDRs, localPods: { kind: 'bridge', name: 'postern0' } },
  { podCIDRs: [], clusterCIDRs: [], localPods: { kind: 'interface-prefix', prefix: 'veth' } },
  { podCIDRs, clusterCIDRs, masqueradeAll: true, localhostNodePorts: true },
];

const runner = await openLibnftables();
for (const way of WAYS) {
  const mode = nftablesMode({ netfilter: kernelNetfilter(runner), localities: localitiesOf(way) });
  // One after another, so that each takes the place of another layout.
  await mode.load(new ForwardingTable(mode.families));
  assert(await mode.intact());
}
await runner.close();
