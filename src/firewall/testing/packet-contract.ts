/** What every firewall of a host that drops by default does with real packets. To be run alone, in namespaces of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { FirewallBackend, Opening } from '../backend.ts';
import { BRIDGE, CLIENT, GATEWAY, NODE, type Packets, POD, PODS, packets, STRANGER, VIP } from './packets.ts';

export interface PacketSubject {
  readonly open: () => Promise<FirewallBackend>;
  /** Puts the administrator's rules in force. */
  readonly setUp: () => Promise<void>;
  /** The administrator's own rules let pods ask their node for names. */
  readonly letsGuestsAsk?: boolean;
}

const ONE = { protocol: 'tcp', policy: 'managed', owner: 'default/web' } as const;

const prefixOf = (ip: string): string => `${ip}/${ip.includes(':') ? 128 : 32}`;

const openings = (family: IPFamily, sources?: readonly string[]): readonly Opening[] => {
  const limited = { ...ONE, family, ...(sources && { sources }) };
  return [
    { ...limited, kind: 'load-balancer', address: VIP[family], port: 80 },
    { ...limited, kind: 'node-port', address: NODE[family], port: 30_080 },
    { ...limited, kind: 'health-check', address: NODE[family], port: 32_000 },
  ];
};

export function packetContract(name: string, subject: PacketSubject): void {
  describe(`packets and ${name}`, () => {
    let world: Packets;
    let backend: FirewallBackend;
    before(async () => {
      world = await packets();
      for (const family of IP_FAMILIES) await all(family, CLIENT[family], true); // Nothing else is in the way.
      await subject.setUp();
      backend = await subject.open();
      await backend.load([]);
    });
    after(() => world.close());

    const all = async (family: IPFamily, from: string, wanted: boolean) => {
      const tried = openings(family);
      const within = wanted ? 10_000 : 120;
      const reached = await world.reach(tried.map(({ address, port }) => ({ from, address, port, within })));
      tried.forEach(({ kind, address, port }, i) => {
        assert.equal(reached[i], wanted, `${kind} ${address} ${port} from ${from}`);
      });
    };
    const pods = async (when: string, wanted: boolean) => {
      const within = wanted ? 10_000 : 120;
      const to = (from: string, address: string, port: number) => ({ from, address, port, within });
      const asked = IP_FAMILIES.map((family) => to(POD[family], GATEWAY[family], 53));
      const forwarded = IP_FAMILIES.map((family) => to(CLIENT[family], POD[family], 8080));
      const strange = IP_FAMILIES.map((family) => ({ ...to(STRANGER[family], POD[family], 8080), within: 120 }));
      // Some administrators let guests ask by rules of their own.
      if (subject.letsGuestsAsk !== true || wanted) {
        assert.deepEqual(await world.reachFromPod(asked), [wanted, wanted], `names, ${when}`);
      }
      assert.deepEqual(await world.reach(forwarded), [wanted, wanted], `from another node, ${when}`);
      assert.deepEqual(await world.reach(strange), [false, false], `from a stranger, ${when}`);
    };
    const verdicts = async (of: readonly Opening[]) => (await backend.verdicts(of)).map(({ kind }) => kind);

    for (const family of IP_FAMILIES) {
      test(`${family}: what is opened is reached, forwarded or not, and what is closed is not`, async () => {
        const ours = openings(family);
        assert.deepEqual(await verdicts(ours), ['blocked', 'blocked', 'blocked']);
        await all(family, CLIENT[family], false);
        await backend.change({ added: ours, removed: [] });
        assert.deepEqual(await verdicts(ours), ['open-by-us', 'open-by-us', 'open-by-us']);
        await all(family, CLIENT[family], true);
        await backend.change({ added: [], removed: ours });
        await all(family, CLIENT[family], false);
      });

      test(`${family}: only who is named may come`, async () => {
        const limited = openings(family, [prefixOf(CLIENT[family])]);
        await backend.change({ added: limited, removed: [] });
        assert.deepEqual(await verdicts(limited), ['open-by-us', 'open-by-us', 'open-by-us']);
        await all(family, CLIENT[family], true);
        await all(family, STRANGER[family], false);
        await backend.change({ added: openings(family), removed: limited });
        await all(family, STRANGER[family], true);
        await backend.change({ added: [], removed: openings(family) });
      });
    }

    test('pods are reached by pods and other nodes, and get names from their own', async () => {
      const both = Object.values(PODS);
      const traffic = { bridge: BRIDGE, pods: both, peers: [...both, ...IP_FAMILIES.map((f) => prefixOf(CLIENT[f]))] };
      assert.equal((await backend.podVerdict(traffic)).kind, 'blocked');
      await pods('unheard', false);
      await backend.letPods(traffic);
      assert.deepEqual(await backend.podVerdict(traffic), { kind: 'open-by-us' });
      assert.equal((await backend.podVerdict({ ...traffic, peers: both })).kind, 'blocked');
      await pods('let', true);
      await backend.letPods(undefined);
      await pods('forgotten', false);
      await backend.letPods(traffic);
    });

    test('a removal closes all', async () => {
      await backend.load(IP_FAMILIES.flatMap((family) => openings(family)));
      await all('IPv4', CLIENT.IPv4, true);
      await backend.remove();
      for (const family of IP_FAMILIES) await all(family, CLIENT[family], false);
      await pods('removed', false);
    });
  });
}
