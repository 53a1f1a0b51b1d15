// Which of a kernel's flows a proxy ends. Runs alone in a network namespace: see flows.test.ts. Every flow has a client's
// port of its own, by which the program `conntrack` tells which are left.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointSlice } from '../../api/discovery/v1/endpointslice.ts';
import { fakeClient } from '../../client/fake.ts';
import { FakeClock } from '../../host/clock.ts';
import { silentLogger } from '../../host/log.ts';
import { IP_FAMILIES, type IPFamily, mustParseIP } from '../../lib/ip.ts';
import type { NewFlow } from '../../netfilter/conntrack/conntrack.ts';
import { addFlows, flushFlows, listPorts } from '../../netfilter/conntrack/testing/program.ts';
import { MemoryNetfilter } from '../../netfilter/memory.ts';
import { nftablesMode } from '../nftables/nftables-mode.ts';
import { startProxy } from '../proxy.ts';
import { service, slice } from '../testing/builders.ts';
import { LOCALITIES } from '../testing/node.ts';

const PLACES = {
  IPv4: {
    ...{ client: '192.168.50.9', node: '192.168.50.1', vip: '10.96.0.53', loadBalancer: '192.168.50.200' },
    ...{ external: '203.0.113.7', otherVIP: '10.96.0.54', a: '10.244.1.1', b: '10.244.2.2', elsewhere: '198.51.100.1' },
  },
  IPv6: {
    ...{ client: 'fd00:50::9', node: 'fd00:50::1', vip: 'fd00:10:96::53', loadBalancer: 'fd00:50::200' },
    ...{ external: '2001:db8::7', otherVIP: 'fd00:10:96::54', a: 'fd00:10:244:1::1', b: 'fd00:10:244:2::2' },
    elsewhere: '2001:db8:1::1',
  },
} as const;
const families = (place: keyof (typeof PLACES)['IPv4']) => IP_FAMILIES.map((family) => PLACES[family][place]);

const dns = service(
  'dns',
  {
    ...{ type: 'LoadBalancer', clusterIPs: families('vip'), externalIPs: families('external') },
    ports: [
      { name: 'udp', port: 53, nodePort: 30053, protocol: 'UDP' },
      { name: 'tcp', port: 53, nodePort: 30053, protocol: 'TCP' },
      { name: 'sctp', port: 53, nodePort: 30053, protocol: 'SCTP' },
    ],
  },
  families('loadBalancer'),
);
const other = service('other', { clusterIPs: families('otherVIP'), ports: [{ port: 53, protocol: 'UDP' }] });
const endpoints = (family: IPFamily, of: string, which: readonly ('a' | 'b')[]): EndpointSlice => ({
  ...slice(
    of,
    which.map((one) => PLACES[family][one]),
    { addressType: family },
  ),
  ports: (of === 'dns' ? (['UDP', 'TCP', 'SCTP'] as const) : (['UDP'] as const)).map((protocol) => ({
    ...{ name: of === 'dns' ? protocol.toLowerCase() : '', protocol, port: 5353 },
  })),
});

/** A proxy whose rules are in memory and whose flows are the kernel's. */
async function running(endpointsOf: readonly ('a' | 'b')[]) {
  flushFlows();
  const objects = IP_FAMILIES.flatMap((family) => [
    endpoints(family, 'dns', endpointsOf),
    endpoints(family, 'other', ['a']),
  ]);
  const client = fakeClient([dns, other, ...objects]);
  const controller = new AbortController();
  let synced = () => {};
  const proxy = await startProxy(
    {
      ...{ client, clock: new FakeClock(), log: silentLogger, nodeName: 'node1' },
      nodeAddresses: () => families('node').map((text) => mustParseIP(text)),
      mode: nftablesMode({ netfilter: new MemoryNetfilter(), localities: LOCALITIES }),
      onSynced: () => synced(),
    },
    controller.signal,
  );
  return {
    change: async (endpointSlice: EndpointSlice) => {
      const done = new Promise<void>((resolve) => {
        synced = resolve;
      });
      await client.update(EndpointSlice, endpointSlice);
      await done;
    },
    /** Ends the proxy, which first ends what it has to; returns which flows are left. */
    left: async () => {
      controller.abort();
      await proxy.stopped;
      return listPorts();
    },
  };
}

for (const [index, family] of IP_FAMILIES.entries()) {
  const { client, node, vip, loadBalancer, external, otherVIP, a, b, elsewhere } = PLACES[family];
  const base = 10_000 * (index + 1);
  let ports = 0;
  const flow = (daddr: string, dport: number, from: string, sport = 5353, more: Partial<NewFlow> = {}): NewFlow => {
    const port = base + ports++;
    return {
      ...{ family, protocol: 'udp' },
      original: { saddr: client, sport: port, daddr, dport },
      reply: { saddr: from, sport, daddr: client, dport: port },
      ...more,
    };
  };
  const portsOf = (flows: readonly NewFlow[]) => flows.map(({ original }) => original.sport);
  const entrances = [
    ...[vip, loadBalancer, external].map((address) => ({ address, port: 53 })),
    { address: node, port: 30053 },
  ];
  /** By every entrance of the Service to this endpoint. */
  const byAll = (from: string, sport?: number, more?: Partial<NewFlow>) =>
    entrances.map(({ address, port }) => flow(address, port, from, sport, more));
  /** What no change of the Service is to touch. */
  const bystanders = () => [
    ...byAll(a, 5353, { protocol: 'tcp' }),
    ...byAll(a, 5353, { protocol: 'sctp' }),
    ...byAll(a, 5353, { zone: 7 }),
    flow(otherVIP, 53, a),
    flow(a, 5353, a),
    flow(elsewhere, 53, elsewhere, 53),
    flow(elsewhere, 30053, elsewhere, 30053),
    flow(client, 53, a),
  ];

  test(`an endpoint that goes takes its UDP flows along, by every entrance, and nothing else, over ${family}`, async () => {
    const proxy = await running(['a', 'b']);
    const kept = [...byAll(b), ...bystanders()];
    addFlows([...byAll(a), ...kept]);
    await proxy.change(endpoints(family, 'dns', ['b']));
    assert.deepEqual(await proxy.left(), portsOf(kept));
  });

  test(`the first endpoint to come ends what nothing translated, and nothing else, over ${family}`, async () => {
    const proxy = await running([]);
    const bare = entrances.map(({ address, port }) => flow(address, port, address, port));
    const kept = [...byAll(b), ...bystanders()];
    addFlows([...bare, ...kept]);
    await proxy.change(endpoints(family, 'dns', ['b']));
    assert.deepEqual(await proxy.left(), portsOf(kept));
  });

  test(`the last endpoint to go ends all UDP flows to the Service, and nothing else, over ${family}`, async () => {
    const proxy = await running(['a']);
    const kept = bystanders();
    addFlows([...byAll(a), ...byAll(b), ...kept]);
    await proxy.change(endpoints(family, 'dns', []));
    assert.deepEqual(await proxy.left(), portsOf(kept));
  });

  test(`an endpoint that comes beside another ends nothing, over ${family}`, async () => {
    const proxy = await running(['a']);
    const kept = [...byAll(a), ...bystanders()];
    addFlows(kept);
    await proxy.change(endpoints(family, 'dns', ['a', 'b']));
    assert.deepEqual(await proxy.left(), portsOf(kept));
  });
}
