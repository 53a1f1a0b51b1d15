// Real connections through a real kernel: prints who answered whom, as JSON. Run by `end-to-end.test.ts`.
import { Service } from '../../api/core/v1/service.ts';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { fakeClient } from '../../client/fake.ts';
import { openLibnftables } from '../../host/libnftables.ts';
import { createLogger } from '../../host/log.ts';
import { IP_FAMILIES, type IPFamily, mustParseCIDR, mustParseIP } from '../../lib/ip.ts';
import { kernelNetfilter } from '../../netfilter/kernel.ts';
import { localitiesOf } from '../locality.ts';
import { nftablesMode } from '../nftables/nftables-mode.ts';
import { startProxy } from '../proxy.ts';
import { service, slice } from './builders.ts';
import { buildWorld, GUESTS, LOAD_BALANCER, NODE } from './world.ts';

const VIP = { IPv4: '10.96.0.10', IPv6: 'fd00:10:96::10' } as const;
const EMPTY_VIP = { IPv4: '10.96.0.99', IPv6: 'fd00:10:96::99' } as const;
const LIMITED_VIP = { IPv4: '10.96.0.80', IPv6: 'fd00:10:96::80' } as const;
const UDP_VIP = { IPv4: '10.96.0.53', IPv6: 'fd00:10:96::53' } as const;

const { actors, close } = await buildWorld();
const results: Record<string, unknown> = {};
const guests = (family: IPFamily, which: readonly (typeof GUESTS)[number][] = GUESTS) =>
  which.map((guest) => ({ addresses: [guest[family]], nodeName: 'node1' }));

const web = { clusterIPs: Object.values(VIP), ports: [{ port: 80, nodePort: 30000 }] };
const dns = { clusterIPs: Object.values(UDP_VIP), ports: [{ port: 53, protocol: 'UDP' as const }] };
const client = fakeClient([
  service('web', { ...web, type: 'LoadBalancer' }, Object.values(LOAD_BALANCER)),
  limitedTo(IP_FAMILIES.map((family) => GUESTS[1][family])),
  service('empty', { clusterIPs: Object.values(EMPTY_VIP) }),
  service('dns', dns),
  ...IP_FAMILIES.map((family) => slice('web', guests(family), { port: 9376 })),
  ...IP_FAMILIES.map((family) => slice('limited', guests(family, [GUESTS[0]]), { port: 9376 })),
  ...IP_FAMILIES.map((family) => slice('dns', guests(family, [GUESTS[0]]), { port: 9376, protocol: 'UDP' })),
]);
/** Shares the load balancer's address with `web`, by another port. */
function limitedTo(loadBalancerSourceRanges: readonly string[]): Service {
  const ports = [{ port: 8080, nodePort: 30001 }];
  const ranges = loadBalancerSourceRanges.map((range) =>
    range.includes('/') ? range : `${range}/${range.includes(':') ? 128 : 32}`,
  );
  const spec = {
    type: 'LoadBalancer' as const,
    ipFamilyPolicy: 'RequireDualStack' as const,
    clusterIP: LIMITED_VIP.IPv4,
    clusterIPs: Object.values(LIMITED_VIP),
    ports,
    loadBalancerSourceRanges: ranges,
  };
  return service('limited', spec, Object.values(LOAD_BALANCER));
}
const controller = new AbortController();
const runner = await openLibnftables();
const mode = nftablesMode({
  netfilter: kernelNetfilter(runner),
  localities: localitiesOf({
    podCIDRs: ['10.244.1.0/24', 'fd00:10:244:1::/64'].map(mustParseCIDR),
    clusterCIDRs: ['10.244.0.0/16', 'fd00:10:244::/48'].map(mustParseCIDR),
  }),
});
let synced = () => {};
const { stopped } = await startProxy(
  {
    client,
    mode,
    nodeName: 'node1',
    nodeAddresses: () => Object.values(NODE).map(mustParseIP),
    log: createLogger('proxy'),
    onSynced: () => synced(),
  },
  controller.signal,
);

/** Asks as often as it takes to see every guest, with room to spare; the distinct answers, sorted. */
async function answers(who: string, host: string, port: number, kind: 'tcp' | 'udp' = 'tcp'): Promise<string[]> {
  const seen = new Set<string>();
  for (let i = 0; i < 20; i++) seen.add((await actors.get(who)?.ask({ kind, host, port })) ?? 'nobody');
  return [...seen].sort();
}
const once = (who: string, host: string, port: number, kind: 'tcp' | 'udp' = 'tcp') =>
  actors.get(who)?.ask({ kind, host, port });
const changed = async (change: () => Promise<unknown>) => {
  const done = new Promise<void>((resolve) => {
    synced = resolve;
  });
  await change();
  await done;
};

for (const family of IP_FAMILIES) {
  const from = (name: string) => `${name} ${family}`;
  results[from('guest to cluster IP')] = await answers('guest1', VIP[family], 80);
  results[from('node to cluster IP')] = await answers('node', VIP[family], 80);
  results[from('client to node port')] = await answers('client', NODE[family], 30000);
  results[from('guest to node port')] = await answers('guest1', NODE[family], 30000);
  results[from('node to node port')] = await answers('node', NODE[family], 30000);
  results[from('client to load balancer')] = await answers('client', LOAD_BALANCER[family], 80);
  results[from('guest to load balancer')] = await answers('guest2', LOAD_BALANCER[family], 80);
  results[from('guest to UDP')] = await answers('guest2', UDP_VIP[family], 53, 'udp');
  const started = performance.now();
  results[from('guest to nothing')] = await once('guest1', EMPTY_VIP[family], 80);
  results[from('node to nothing')] = await once('node', EMPTY_VIP[family], 80);
  results[from('guest to another port')] = await once('guest1', VIP[family], 81);
  results[from('node to UDP nothing')] = await once('node', EMPTY_VIP[family], 80, 'udp');
  results[from('refused at once')] = performance.now() - started < 900;
}

/** Who gets an answer from the limited Service's load balancer address. */
async function whoReaches(family: IPFamily): Promise<readonly string[]> {
  const all = ['client', 'node', 'guest1', 'guest2'];
  const replies = await Promise.all(all.map((who) => once(who, LOAD_BALANCER[family], 8080)));
  return all.filter((_, i) => replies[i]?.startsWith('guest1'));
}
const reachedBy = async () =>
  Object.fromEntries(await Promise.all(IP_FAMILIES.map(async (family) => [family, await whoReaches(family)])));

results['limited to guest2'] = await reachedBy();
for (const family of IP_FAMILIES)
  results[`limited, by node port ${family}`] = await once('client', NODE[family], 30001);
await changed(() => client.update(Service, limitedTo(['192.168.0.0/16', '192.168.50.0/24', 'fd00:50::/64'])));
results['limited to the LAN'] = await reachedBy();
await changed(() => client.update(Service, limitedTo(['192.168.50.9'])));
results['limited to the client, by IPv4'] = await reachedBy();

for (const family of IP_FAMILIES) {
  const who = actors.get('guest2');
  const flow = { kind: 'udp', host: UDP_VIP[family], port: 53, localPort: 5353 } as const;
  const before = await who?.ask(flow);
  const moved = slice('dns', guests(family, [GUESTS[1]]), { port: 9376, protocol: 'UDP' });
  await changed(() => client.update(EndpointSlice, moved));
  // conntrack runs behind the change; the flow moves as soon as it is done.
  let after = await who?.ask(flow);
  const deadline = performance.now() + 5000;
  while (!after?.startsWith('guest2') && performance.now() < deadline) after = await who?.ask(flow);
  results[`UDP flow ${family}`] = { before, after };
  const gone = slice('web', guests(family, [GUESTS[1]]), { port: 9376 });
  await changed(() => client.update(EndpointSlice, gone));
  results[`after one guest left ${family}`] = await answers('client', NODE[family], 30000);
}

controller.abort();
await stopped;
results['still forwards when stopped'] = await once('client', NODE.IPv4, 30000);
await mode.remove();
results['left behind'] = await runner.list('list ruleset');
await runner.close();
close();
process.stdout.write(JSON.stringify(results));
