// Who reaches what is enforced, with real packets. Runs alone in namespaces: see nftables-firewall.test.ts.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { openLibnftables } from '../../host/libnftables.ts';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { compareAdmissions, type FirewallBackend, type Opening } from '../backend.ts';
import { CLIENT, NODE, type Packets, packets, STRANGER, VIP } from '../testing/packets.ts';
import { nftablesFirewall } from './nftables-firewall.ts';

/** Comes in: the client, to what is exposed. Whatever is forwarded is let by, so it never comes in. */
const ADMINISTRATOR = `table inet filter {
  chain input {
    type filter hook input priority filter; policy drop;
    meta l4proto { icmp, ipv6-icmp } accept
    ip saddr ${CLIENT.IPv4} tcp dport { 80, 30080 } accept
    ip6 saddr ${CLIENT.IPv6} tcp dport { 80, 30080 } accept
  }
}
`;

const nft = (input: string) => void execFileSync('nft', ['-f', '-'], { input });
const openings = (family: IPFamily): readonly Opening[] => {
  const one = { family, protocol: 'tcp', policy: 'enforce', owner: 'default/web' } as const;
  return [
    { ...one, kind: 'load-balancer', address: VIP[family], port: 80 },
    { ...one, kind: 'node-port', address: NODE[family], port: 30_080 },
  ];
};

describe('what is enforced', () => {
  let world: Packets;
  let backend: FirewallBackend;
  before(async () => {
    world = await packets();
    nft(ADMINISTRATOR);
    backend = nftablesFirewall({ nft: await openLibnftables() });
    await backend.load([]);
  });
  after(() => world.close());

  const reach = async (family: IPFamily, from: string, wanted: boolean) => {
    const within = wanted ? 10_000 : 120;
    const attempts = openings(family).map(({ address, port }) => ({ from, address, port, within }));
    assert.deepEqual(await world.reach(attempts), [wanted, wanted], `${from}`);
  };
  const kinds = async (of: readonly Opening[]) => (await backend.verdicts(of)).map(({ kind }) => kind);

  for (const family of IP_FAMILIES) {
    const ours = openings(family);
    test(`${family}: only those reach it whom the administrator’s rules would let in, were it not translated`, async () => {
      await reach(family, STRANGER[family], true);
      assert.deepEqual(await kinds(openings(family).map((one) => ({ ...one, sources: [wide(STRANGER[family])] }))), [
        'bypassed',
        'bypassed',
      ]);
      await backend.change({ added: ours, removed: [] });
      await reach(family, CLIENT[family], true);
      await reach(family, STRANGER[family], false);
      const found = (await backend.current()).filter((one) => one.family === family).sort(compareAdmissions);
      assert.deepEqual(found, ours.map(({ owner: _, kind: __, ...admission }) => admission).sort(compareAdmissions));
    });

    test(`${family}: of those, only who may come by the Service too`, async () => {
      const limited = ours.map((one) => ({ ...one, sources: [wide(STRANGER[family])] }));
      await backend.change({ added: limited, removed: ours });
      await reach(family, CLIENT[family], false);
      await reach(family, STRANGER[family], false);
      assert.deepEqual(await kinds(limited), ['blocked', 'blocked']);
      await backend.change({ added: ours, removed: limited });
    });
  }

  test('another run finds it, and changes nothing', async () => {
    const ours = IP_FAMILIES.flatMap(openings);
    const dump = () => execFileSync('nft', ['list', 'ruleset'], { encoding: 'utf8' });
    const found = dump();
    backend = nftablesFirewall({ nft: await openLibnftables() });
    await backend.load(ours);
    assert.equal(dump(), found);
  });

  test('when the administrator admits more, it is told, and a load lets them in', async () => {
    const ended = new AbortController();
    const told = new EventTarget();
    const changed = once(told, 'changed');
    backend.watch?.(() => told.dispatchEvent(new Event('changed')), ended.signal);
    nft('add rule inet filter input tcp dport { 80, 30080 } accept');
    await changed;
    ended.abort();
    await backend.load(IP_FAMILIES.flatMap(openings));
    for (const family of IP_FAMILIES) await reach(family, STRANGER[family], true);
  });

  test('a removal leaves nothing in the way', async () => {
    nft(`flush ruleset inet\n${ADMINISTRATOR}`);
    await backend.load(IP_FAMILIES.flatMap(openings));
    await reach('IPv4', STRANGER.IPv4, false);
    await backend.remove();
    for (const family of IP_FAMILIES) await reach(family, STRANGER[family], true);
  });
});

const wide = (ip: string): string => `${ip}/${ip.includes(':') ? 128 : 32}`;
