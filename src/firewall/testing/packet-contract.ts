/** What every firewall of a host that drops by default does with real packets. To be run alone, in namespaces of its own. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import type { FirewallBackend, Opening } from '../backend.ts';
import { CLIENT, NODE, type Packets, packets, STRANGER, VIP } from './packets.ts';

export interface PacketSubject {
  readonly open: () => Promise<FirewallBackend>;
  /** Puts the administrator's rules in force. */
  readonly setUp: () => Promise<void>;
}

const ONE = { protocol: 'tcp', policy: 'managed', owner: 'default/web' } as const;

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
        const limited = openings(family, [`${CLIENT[family]}/${family === 'IPv4' ? 32 : 128}`]);
        await backend.change({ added: limited, removed: [] });
        assert.deepEqual(await verdicts(limited), ['open-by-us', 'open-by-us', 'open-by-us']);
        await all(family, CLIENT[family], true);
        await all(family, STRANGER[family], false);
        await backend.change({ added: openings(family), removed: limited });
        await all(family, STRANGER[family], true);
        await backend.change({ added: [], removed: openings(family) });
      });
    }

    test('a removal closes all', async () => {
      await backend.load(IP_FAMILIES.flatMap((family) => openings(family)));
      await all('IPv4', CLIENT.IPv4, true);
      await backend.remove();
      for (const family of IP_FAMILIES) await all(family, CLIENT[family], false);
    });
  });
}
