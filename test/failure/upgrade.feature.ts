/** Servers and agents, each in its turn ended and started anew, as an upgrade does it. */
import assert from 'node:assert/strict';
import { labStart, labStop } from '../../src/lab/lab.ts';
import { askTheApi } from './api-requests.ts';
import type { Stories } from './stories.ts';

export function rollingUpgrade(stories: Stories): void {
  stories.story('three servers and three agents are replaced in turn, and no request fails', async () => {
    const { world } = stories;
    const requests = await askTheApi(world);
    for (const { name, etcd } of world.servers) {
      await labStop(world.dir, [name]);
      await labStop(world.dir, [etcd]);
      await labStart(world.dir, [etcd]);
      await labStart(world.dir, [name]);
      await world.untilWell();
    }
    for (const { name } of world.lan.nodes) {
      await labStop(world.dir, [name]);
      await labStart(world.dir, [name]);
      await world.untilWell();
      await world.untilAnnounced();
    }
    const { asked, failed } = await requests.stop();
    assert.ok(asked > 100, `only ${asked} requests were sent to the API`);
    assert.deepEqual(failed, []);
  });
}
