// Pods on a bridge with bridge netfilter, which carries what is translated to a neighbour without routing it: as many
// pod networks of other makers have it. Runs alone in fresh namespaces: see layout.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { openLibnftables } from '../../host/libnftables.ts';
import { IP_FAMILIES } from '../../lib/ip.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { ForwardingTable } from '../forwarding/forwarding-table.ts';
import { type LocalityOptions, localitiesOf } from '../locality.ts';
import { service, slice } from '../testing/builders.ts';
import { setService } from '../testing/node.ts';
import type { Greeting } from '../testing/world/agent/server.ts';
import { type ActorName, BRIDGE, GATEWAYS, PODS, PORTS } from '../testing/world/topology.ts';
import { buildWorld } from '../testing/world/world.ts';
import { nftablesMode } from './nftables-mode.ts';

const VIP = { IPv4: '10.96.0.10', IPv6: 'fd00:10:96::10' } as const;
const [PORT] = PORTS;

const world = await buildWorld();
for (const tables of ['iptables', 'ip6tables']) writeFileSync(`/proc/sys/net/bridge/bridge-nf-call-${tables}`, '1');
for (const pod of ['a1', 'a2']) {
  execFileSync('ip', ['link', 'set', `pod-${pod}`, 'type', 'bridge_slave', 'isolated', 'off']);
}
const runner = await openLibnftables();

async function forward(localPods: LocalityOptions['localPods'] & object): Promise<void> {
  const localities = localitiesOf({ podCIDRs: [], clusterCIDRs: [], localPods });
  const table = new ForwardingTable(localities.keys());
  const slices = IP_FAMILIES.map((family) => slice('web', [PODS.a2[family]], { port: PORT }));
  setService(table, service('web', { clusterIPs: Object.values(VIP) }), slices);
  await nftablesMode({ netfilter: kernelNetfilter(runner), localities }).load(table);
}

/** Whom the endpoint sees when somebody asks for the cluster IP. */
async function seen(who: ActorName, host: string): Promise<string> {
  const question = { protocol: 'tcp', host, port: 80, patience: 5000 } as const;
  const [answer] = (await world.tell(who, { kind: 'ask', question, times: 1 })) as string[];
  assert.match(answer ?? '', /^\{/, `${who} at ${host}`);
  return (JSON.parse(answer ?? '') as Greeting).from;
}

for (const localPods of [
  { kind: 'bridge', name: BRIDGE },
  { kind: 'interface-prefix', prefix: BRIDGE.slice(0, 4) },
] as const) {
  await forward(localPods);
  for (const family of IP_FAMILIES) {
    const by = `by ${localPods.kind}, over ${family}`;
    assert.equal(await seen('a1', VIP[family]), PODS.a1[family], `a neighbour, ${by}`);
    assert.equal(await seen('client', VIP[family]), GATEWAYS.node1[family], `a client outside, ${by}`);
    assert.equal(await seen('node1', VIP[family]), GATEWAYS.node1[family], `the node, ${by}`);
  }
}
world.close();
await runner.close();
// This process serves as node1, and would go on.
process.exit(0);
