/** The control plane stands still for a minute, then is killed and starts anew: announcements do not depend on it. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, clientOf, failsOver } from './failures.feature.ts';
import { answeredBy } from './judges.ts';
import type { Stories } from './stories.ts';
import { now } from './traffic.ts';

const FIRST = 'node1';
const SECOND = 'node2';
const THIRD = 'node3';
const MINUTE = 60_000;
/** Longer than the leases of nodes and their announcers last. */
const LEASES = 45_000;

export function controlPlane(stories: Stories): void {
  const { story } = stories;
  let client: Client | undefined;
  let frozen = 0;

  const unchanged = (since: number): void => {
    const words = (client?.traffic.requests ?? []).filter(({ sent }) => sent > since).map(({ word }) => word);
    assert.ok(words.length > 0);
    assert.deepEqual([...new Set(words)], [FIRST]);
  };

  story('while it stands still, nothing changes, also when every lease has run out', async () => {
    client = await clientOf(stories.world);
    await sleep(1000);
    frozen = now();
    process.kill(stories.world.pidOf('server'), 'SIGSTOP');
    await sleep(LEASES);
    unchanged(frozen);
  });

  story('a node that then crashes is replaced as soon as ever, and takes back', async () => {
    const { world } = stories;
    assert.ok(client);
    await failsOver(client, () => world.faults.freeze(FIRST));
    world.faults.thaw(FIRST);
    await client.traffic.answeredBy(FIRST, client.targets);
  });

  story('a node that is then cut off from all others falls silent', async () => {
    const { world } = stories;
    assert.ok(client);
    await world.faults.cut([FIRST], [SECOND, THIRD]);
    await answeredBy(world, client.addresses, SECOND);
    await world.faults.heal();
    await answeredBy(world, client.addresses, FIRST);
    await client.traffic.answeredBy(FIRST, client.targets);
  });

  story('when it is killed and starts anew, no announcement changes', async () => {
    const { world } = stories;
    await sleep(Math.max(1000, frozen + MINUTE - now()));
    const began = now();
    await world.restart('server', 'SIGKILL');
    await sleep(5000);
    unchanged(began);
    assert.deepEqual(client?.traffic.lost(began), []);
    await client?.traffic.stop();
  });
}
