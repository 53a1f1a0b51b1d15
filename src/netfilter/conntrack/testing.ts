/** What every connection tracking keeps; run by the kernel's and by the one in memory. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { Conntrack, Flow, FlowFilter, NewFlow } from './conntrack.ts';

/** Ends of flows, per family. */
export const PLACES: Readonly<Record<IPFamily, { client: string; service: string; other: string; endpoint: string }>> =
  {
    IPv4: { client: '10.244.1.9', service: '10.96.0.53', other: '10.96.0.54', endpoint: '10.244.1.5' },
    IPv6: {
      client: 'fd00:10:244:1::9',
      service: 'fd00:10:96::53',
      other: 'fd00:10:96::54',
      endpoint: 'fd00:10:244:1::5',
    },
  };

/** A flow from the client to an address and port, whose replies come from an endpoint. */
export function flowTo(
  family: IPFamily,
  protocol: Flow['protocol'],
  to: { readonly daddr: string; readonly dport: number },
  ends: { readonly sport: number; readonly endpoint: string; readonly port: number },
): NewFlow {
  const { client } = PLACES[family];
  return {
    ...{ family, protocol },
    original: { saddr: client, sport: ends.sport, ...to },
    reply: { saddr: ends.endpoint, sport: ends.port, daddr: client, dport: ends.sport },
  };
}

/** `open` gives a tracking without flows, to which `add` adds some. */
export function conntrackContract(
  name: string,
  open: () => { readonly conntrack: Conntrack; readonly add: (flows: readonly NewFlow[]) => void },
): void {
  const all = async (conntrack: Conntrack, filter: FlowFilter): Promise<readonly Flow[]> => {
    const found: Flow[] = [];
    for await (const some of conntrack.flows(filter)) found.push(...some);
    return found.sort((a, b) => a.original.sport - b.original.sport);
  };
  const sports = (flows: readonly Flow[]) => flows.map(({ original }) => original.sport);

  for (const family of IP_FAMILIES) {
    const { service, other, endpoint } = PLACES[family];
    const to = (daddr: string, dport: number, sport: number, protocol: Flow['protocol'] = 'udp') =>
      flowTo(family, protocol, { daddr, dport }, { sport, endpoint, port: 5353 });

    test(`${name}: lists flows by protocol, address and port, over ${family}`, async () => {
      const { conntrack, add } = open();
      add([to(service, 53, 4001), to(service, 54, 4002), to(other, 53, 4003), to(service, 53, 4004, 'tcp')]);
      const udp = { family, protocol: 'udp' } as const;
      assert.deepEqual(sports(await all(conntrack, udp)), [4001, 4002, 4003]);
      assert.deepEqual(sports(await all(conntrack, { ...udp, daddr: service })), [4001, 4002]);
      assert.deepEqual(sports(await all(conntrack, { ...udp, dport: 53 })), [4001, 4003]);
      assert.deepEqual(sports(await all(conntrack, { ...udp, daddr: service, dport: 53 })), [4001]);
      assert.deepEqual(sports(await all(conntrack, { family, protocol: 'tcp' })), [4004]);
      assert.deepEqual(sports(await all(conntrack, { ...udp, dport: 55 })), []);
    });

    test(`${name}: tells both directions of a flow, over ${family}`, async () => {
      const { conntrack, add } = open();
      const flow = to(service, 53, 4001);
      add([flow]);
      const [found] = await all(conntrack, { family, protocol: 'udp' });
      assert.deepEqual({ ...found, id: 0 }, { ...flow, zone: 0, id: 0 });
    });

    test(`${name}: deletes the flows it is given, and says how many there still were, over ${family}`, async () => {
      const { conntrack, add } = open();
      add(Array.from({ length: 200 }, (_, i) => to(service, 53, 4000 + i)));
      const before = await all(conntrack, { family, protocol: 'udp' });
      assert.equal(before.length, 200);
      const condemned = before.slice(0, 150);
      assert.equal(await conntrack.delete(condemned), 150);
      assert.equal(await conntrack.delete(condemned), 0);
      assert.deepEqual(sports(await all(conntrack, { family, protocol: 'udp' })), sports(before.slice(150)));
    });
  }
}
