/** Wall clocks that are set while everything runs: forward by a day, back by an hour, of servers and of nodes. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { Lease } from '../../src/api/coordination/v1/lease.ts';
import type { LabServer } from './servers.ts';
import type { Stories } from './stories.ts';
import type { World } from './world.ts';

const HOUR = 3_600_000;
/** Milliseconds that a clock stays wrong: longer than nodes may be silent. */
const WHILE = 12_000;
const LOOK_EVERY = 500;
const CONTROLLERS_LEASE = { namespace: 'kube-system', name: 'postern-controllers' };

const CASES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  'one server is a day ahead and another an hour behind': { server1: 24 * HOUR, server2: -HOUR },
  'every server is an hour ahead': { server1: HOUR, server2: HOUR, server3: HOUR },
  'one node is an hour behind and another a day ahead': { node1: -HOUR, node2: 24 * HOUR },
};

export function clocksSet(stories: Stories): void {
  for (const [what, wrong] of Object.entries(CASES)) {
    stories.story(`nodes stay Ready and leaders lead when ${what}`, async () => {
      const { world } = stories;
      const before = await leaderOf(world);
      try {
        for (const [place, ahead] of Object.entries(wrong)) world.clocks.set(place, ahead);
        await allStays(world, before);
        for (const server of world.servers) await writesAt(world, server, Object.keys(wrong), wrong[server.name] ?? 0);
      } finally {
        world.clocks.right(...Object.keys(wrong));
      }
      // Back again is a jump, too.
      await allStays(world, before);
    });
  }
}

async function allStays(world: World, leader: string): Promise<void> {
  for (const until = performance.now() + WHILE; performance.now() < until; ) {
    assert.deepEqual(await world.notReady(), []);
    assert.equal(await leaderOf(world), leader, 'the controllers of the same server lead');
    await sleep(LOOK_EVERY);
  }
}

/** A server with a wrong clock gives objects wrong times: the clock is as wrong as the story says. */
async function writesAt(world: World, server: LabServer, story: readonly string[], ahead: number): Promise<void> {
  const { metadata } = await world.write(server, `clocks-${[...story, server.name].join('-')}`);
  const wrongBy = Date.parse(metadata.creationTimestamp ?? '') - Date.now();
  assert.ok(Math.abs(wrongBy - ahead) < WHILE, `${server.name} is ${wrongBy} ms ahead`);
}

async function leaderOf(world: World): Promise<string> {
  const { spec } = await world.lan.client.get(Lease, CONTROLLERS_LEASE);
  return spec?.holderIdentity ?? '';
}
