/**
 * Who reaches what is enforced, with real packets: the same behind every firewall that can enforce. To be run alone, in namespaces of
 * its own.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { after, before, describe, test } from 'node:test';
import { type Clock, systemClock } from '../../host/clock.ts';
import { IP_FAMILIES, type IPFamily } from '../../lib/ip.ts';
import { compareAdmissions, type FirewallBackend, type Opening } from '../backend.ts';
import { CLIENT, NODE, type Packets, packets, STRANGER, VIP } from './packets.ts';

export interface EnforceSubject {
  /**
   * Puts the administrator's rules in force: nobody comes in by the interface `lan` but the client, to the TCP ports 80 and 30080.
   * Whatever is forwarded is let by.
   */
  readonly setUp: () => Promise<void>;
  /** A run of ours; clients come by `lan`. */
  readonly open: (clock: Clock) => Promise<FirewallBackend>;
  /** How the administrator may admit everyone to these ports, and take that back before the next is tried. */
  readonly admitAll: Readonly<
    Record<string, { readonly make: () => Promise<void>; readonly undo?: () => Promise<void> }>
  >;
  /** Somebody removes the table that guards. */
  readonly table: string;
  readonly tearDown?: () => Promise<void>;
}

const openings = (family: IPFamily): readonly Opening[] => {
  const one = { family, protocol: 'tcp', policy: 'enforce', owner: 'default/web' } as const;
  return [
    { ...one, kind: 'load-balancer', address: VIP[family], port: 80 },
    { ...one, kind: 'node-port', address: NODE[family], port: 30_080 },
  ];
};
/** Nobody waits long for what is looked at now and then. */
const HASTY: Clock = { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms / 20, signal) };
const wide = (ip: string): string => `${ip}/${ip.includes(':') ? 128 : 32}`;
const nft = (...argv: readonly string[]) => execFileSync('nft', argv, { encoding: 'utf8' });

export function enforceContract(name: string, subject: EnforceSubject): void {
  describe(`what is enforced behind ${name}`, { timeout: 180_000 }, () => {
    let world: Packets;
    let backend: FirewallBackend;
    before(async () => {
      world = await packets();
      await subject.setUp();
      backend = await subject.open(HASTY);
      await backend.load([]);
    });
    after(async () => {
      world.close();
      await subject.tearDown?.();
    });

    const reach = async (family: IPFamily, from: string, wanted: boolean) => {
      const within = wanted ? 10_000 : 120;
      const attempts = openings(family).map(({ address, port }) => ({ from, address, port, within }));
      assert.deepEqual(await world.reach(attempts), [wanted, wanted], `from ${from}`);
    };
    const kinds = async (of: readonly Opening[]) => (await backend.verdicts(of)).map(({ kind }) => kind);
    const changed = async (happens: () => Promise<void>) => {
      const [ended, told] = [new AbortController(), new EventTarget()];
      backend.watch?.(() => told.dispatchEvent(new Event('changed')), ended.signal);
      const isTold = once(told, 'changed');
      await happens();
      await isTold;
      ended.abort();
    };

    for (const family of IP_FAMILIES) {
      const ours = openings(family);
      test(`${family}: only those reach it whom the firewall would let in, were it not translated`, async () => {
        await reach(family, STRANGER[family], true);
        const ofStranger = ours.map(
          (one): Opening => ({ ...one, policy: 'managed', sources: [wide(STRANGER[family])] }),
        );
        assert.deepEqual(await kinds(ofStranger), ['bypassed', 'bypassed']);
        await backend.change({ added: ours, removed: [] });
        await reach(family, CLIENT[family], true);
        await reach(family, STRANGER[family], false);
        const found = (await backend.current()).filter((one) => one.family === family).sort(compareAdmissions);
        assert.deepEqual(found, ours.map(({ owner: _, kind: __, ...admission }) => admission).sort(compareAdmissions));
      });

      test(`${family}: of those, only who may come by the Service too`, async () => {
        const [far, near] = [STRANGER, CLIENT].map((who) =>
          ours.map((one) => ({ ...one, sources: [wide(who[family])] })),
        );
        assert.ok(far && near);
        await backend.change({ added: far, removed: ours });
        await reach(family, CLIENT[family], false);
        await reach(family, STRANGER[family], false);
        assert.deepEqual(await kinds(far), ['blocked', 'blocked']);
        await backend.change({ added: near, removed: far });
        await reach(family, CLIENT[family], true);
        assert.deepEqual(await kinds(near), ['open-by-others', 'open-by-others']);
        await backend.change({ added: ours, removed: near });
      });
    }

    test('another run finds it, and changes nothing', async () => {
      const found = nft('list', 'ruleset');
      backend = await subject.open(HASTY);
      await backend.load(IP_FAMILIES.flatMap(openings));
      assert.equal(nft('list', 'ruleset'), found);
    });

    test('what others take away is told, and a load puts it back', async () => {
      await changed(async () => void nft('delete', 'table', 'ip', subject.table));
      await backend.load(IP_FAMILIES.flatMap(openings));
      await reach('IPv4', STRANGER.IPv4, false);
    });

    test('once nothing is enforced any more, nothing is in the way', async () => {
      await backend.load([]);
      for (const family of IP_FAMILIES) await reach(family, STRANGER[family], true);
      assert.doesNotMatch(nft('list', 'tables'), new RegExp(subject.table));
    });

    test('a removal leaves nothing of it', async () => {
      await backend.load(IP_FAMILIES.flatMap(openings));
      await reach('IPv6', STRANGER.IPv6, false);
      await backend.remove();
      assert.doesNotMatch(nft('list', 'tables'), new RegExp(subject.table));
      for (const family of IP_FAMILIES) await reach(family, STRANGER[family], true);
    });

    for (const [what, { make, undo }] of Object.entries(subject.admitAll)) {
      test(`when the administrator admits more by ${what}, it is told, and a load lets them in`, async () => {
        await backend.load(IP_FAMILIES.flatMap(openings));
        await reach('IPv4', STRANGER.IPv4, false);
        await changed(make);
        await backend.load(IP_FAMILIES.flatMap(openings));
        for (const family of IP_FAMILIES) await reach(family, STRANGER[family], true);
        await undo?.();
      });
    }
  });
}
