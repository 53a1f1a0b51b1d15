/** Which node announces an address: as arping and ndisc6 see it from the client's place, in both families. */
import assert from 'node:assert/strict';
import { Service } from '../../../src/api/core/v1/service.ts';
import { answeredBy, answeredByOne, answerers } from './judges.ts';
import { LINK } from './lan.ts';
import { advertisement, asking, NAMESPACE, pool } from './objects.ts';
import type { Stories } from './stories.ts';

/** Addresses that stories ask for by name. */
const GONE = ['192.168.77.221', 'fd00:77::221'];
const UNASSIGNED = ['192.168.77.229', 'fd00:77::229'];

export function announcing(stories: Stories): void {
  const { story } = stories;

  story('an address is answered for by exactly one node, with its MAC, and nobody answers for others', async () => {
    const { world } = stories;
    await world.apply(
      pool('lan', ['192.168.77.220-192.168.77.229', 'fd00:77::220-fd00:77::229']),
      advertisement('lan', { ipAddressPools: ['lan'] }),
    );
    await answeredByOne(world, Object.values(await world.serve('web')));
    for (const address of UNASSIGNED) assert.deepEqual(await answerers(world, address), []);
  });

  story(
    'the group in which an IPv6 address is asked for is joined where it is announced, and left with it',
    async () => {
      const { world } = stories;
      await world.serve('gone', asking(GONE));
      const [, announcer] = await answeredByOne(world, GONE);
      const members = async () => {
        const shown = await Promise.all(
          world.nodes.map(({ name }) => world.at(name, ['ip', 'maddress', 'show', LINK])),
        );
        return world.nodes.filter((_, i) => shown[i]?.includes('33:33:ff:00:02:21')).map(({ name }) => name);
      };
      assert.deepEqual(await members(), [announcer]);
      await world.client.delete(Service, { namespace: NAMESPACE, name: 'gone' });
      await answeredBy(world, GONE);
      assert.deepEqual(await members(), []);
    },
  );

  story('with policy Local, an endpoint that moves takes the announcement along', async () => {
    const { world } = stories;
    const addresses = Object.values(await world.serve('local', { on: ['node3'] }));
    await answeredBy(world, addresses, 'node3');
    await world.moveEndpoints('local', ['node1']);
    await answeredBy(world, addresses, 'node1');
    await world.moveEndpoints('local', []);
    await answeredBy(world, addresses);
  });
}
