/** What is said on the LAN of an address, and what becomes of one that another host holds: as tcpdump and others see it. */
import assert from 'node:assert/strict';
import { answeredByOne, answerers, captured, familyOf } from './judges.ts';
import { macOf } from './lan.ts';
import { advertisement, asking, pool } from './objects.ts';
import type { Stories } from './stories.ts';
import type { World } from './world.ts';

const FRESH = ['192.168.77.232', 'fd00:77::232'];
const HELD = ['192.168.77.233', 'fd00:77::233'];

/** The command by which a host of the LAN that is no node has an address, or not any more. */
const holding = (verb: 'add' | 'del', address: string): readonly string[] => [
  ...['ip', 'address', verb, `${address}/${familyOf(address) === 'IPv4' ? 32 : 128}`, 'dev', 'lan'],
  ...(verb === 'add' && familyOf(address) === 'IPv6' ? ['nodad'] : []),
];

/** Waits until Events of a Service say that somebody else holds each of its addresses, and who. */
async function untilConflict(world: World, name: string, addresses: readonly string[], mac: string): Promise<void> {
  await world.eventually(`Events about conflicts of ${name}`, async () => {
    const events = await world.eventsOf(name);
    const told = events.filter(({ reason, type }) => reason === 'AddressConflict' && type === 'Warning');
    const isTold = (address: string) =>
      told.some(({ message = '' }) => message.includes(address) && message.includes(mac));
    return addresses.every(isTold) ? true : undefined;
  });
}

export function claims(stories: Stories): void {
  const { story } = stories;

  story('an address that another host holds is not announced, and an Event says who holds it', async () => {
    const { world } = stories;
    await world.apply(
      pool('claims', ['192.168.77.232-192.168.77.233', 'fd00:77::232-fd00:77::233'], { autoAssign: false }),
      advertisement('claims', { ipAddressPools: ['claims'] }),
    );
    for (const address of HELD) await world.at('lan', holding('add', address));
    await world.makeService('held', asking(HELD));
    const mac = await macOf(world, 'lan', 'lan');
    await untilConflict(world, 'held', HELD, mac);
    for (const address of HELD) assert.deepEqual(await answerers(world, address), [mac]);
    for (const address of HELD) await world.at('lan', holding('del', address));
  });

  story(
    'a new address is probed for, then announced unasked and repeatedly, in every form that hosts heed',
    async () => {
      const { world } = stories;
      const [ip4 = '', ip6 = ''] = FRESH;
      const probes = [
        new RegExp(`who-has ${ip4}.* tell 0\\.0\\.0\\.0`),
        new RegExp(` :: > .*neighbor solicitation.*who has ${ip6}`),
      ];
      const announcements = [
        new RegExp(`> ff:ff:ff:ff:ff:ff.*who-has ${ip4}.* tell ${ip4}`),
        new RegExp(`> ff:ff:ff:ff:ff:ff.*Reply ${ip4} is-at`),
        new RegExp(`> ff02::1:.*neighbor advertisement.*tgt is ${ip6}, Flags \\[.*override`),
      ];
      const count = (lines: readonly string[], pattern: RegExp) => lines.filter((line) => pattern.test(line)).length;
      const lines = await captured(world, 'arp or icmp6', async (soFar) => {
        await world.serve('fresh', asking(FRESH));
        await world.eventually('two announcements of each form', async () =>
          announcements.every((pattern) => count(soFar, pattern) >= 2) ? true : undefined,
        );
      });
      const all = lines.join('\n');
      for (const probe of probes) assert.ok(count(lines, probe) >= 2, `${probe} in\n${all}`);
      const first = lines.findIndex((line) => announcements.some((pattern) => pattern.test(line)));
      assert.ok(first > lines.findIndex((line) => probes.some((pattern) => pattern.test(line))), all);
    },
  );

  story(
    'an address that another host takes while it is announced is defended once, then given up and told',
    async () => {
      const { world } = stories;
      const [ip4 = '', ip6 = ''] = FRESH;
      for (const address of FRESH) await world.at('lan', holding('add', address));
      const mac = await macOf(world, 'lan', 'lan');
      const lines = await captured(world, `arp src host ${ip4}`, async () => {
        // The second claim within ten seconds is the one too many: RFC 5227 section 2.4 (b).
        for (let i = 0; i < 2; i++) {
          await world.at('lan', ['arping', '-U', '-c', '1', '-w', '1', '-I', 'lan', ip4]).catch(() => {});
          await world.at('lan', ['ip', '-6', 'neigh', 'flush', 'dev', 'lan']);
          await world.at('lan', ['ping', '-c', '1', '-W', '1', '-I', ip6, 'fd00:77::2']);
        }
        await untilConflict(world, 'fresh', FRESH, mac);
      });
      for (const address of FRESH) assert.deepEqual(await answerers(world, address), [mac]);
      assert.ok(
        lines.some((line) => !line.includes(`${mac} >`)),
        `defended once:\n${lines.join('\n')}`,
      );
      for (const address of FRESH) await world.at('lan', holding('del', address));
    },
  );
}

/** The end of some of these stories: it takes a while until an address is tried again. */
export function claimsOver(stories: Stories): void {
  stories.story('once the other host has let go of them, the addresses are announced', async () => {
    await answeredByOne(stories.world, [...HELD, ...FRESH]);
  });
}
